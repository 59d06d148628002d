"""An observer that writes down what it is told, and fails."""

import json
import os
from pathlib import Path

from splicecore.api import hookimpl


def note(event, **facts):
    with Path(os.environ["EVENTS"]).open("a") as handle:
        handle.write(json.dumps({"event": event, **facts}) + "\n")


@hookimpl
def splicecore_run_started(run):
    note("started", run=run)


@hookimpl
def splicecore_shard_finished(run, shard):
    note("shard", run=run, units=len(shard["units"]))


@hookimpl
def splicecore_run_finished(run, summary):
    note("finished", run=run, rows=summary["rows"])
    raise RuntimeError("observers may fail")
