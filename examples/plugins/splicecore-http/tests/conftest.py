"""Servers on free ports."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from splicecore.api import Session
from splicecore_http import client
from splicecore_http.server import ModelServer


@contextlib.contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def consensus():
    """The model that is served."""
    with Session().open_base_model("consensus") as model:
        yield model


@pytest.fixture(scope="session")
def altered_consensus(consensus, tmp_path_factory):
    """The same model with one other number."""
    folder = tmp_path_factory.mktemp("altered")
    packaged = pytest.importorskip("splicecore_consensus.finder").PACKAGED
    parameters = json.loads(packaged.read_text(encoding="utf-8"))
    row = parameters["calibration"][0]
    if isinstance(row, list):
        row[0] += 1e-3
    else:
        parameters["calibration"][0] += 1e-3
    (folder / "consensus.json").write_text(json.dumps(parameters), encoding="utf-8")
    with Session().open_base_model("consensus", models_dir=str(folder)) as model:
        yield model


@pytest.fixture
def serve():
    """Return a function that serves a model until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda model: stack.enter_context(running(ModelServer(model)))


@pytest.fixture
def answer_with():
    """Return a function that starts a server whose answers ``make(method, path)`` gives: status, headers, body."""
    with contextlib.ExitStack() as stack:

        def start(make):
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    status, headers, body = make(self.command, self.path)
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                do_POST = do_GET

                def log_message(self, *args):
                    pass

            server = stack.enter_context(running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)))
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


@pytest.fixture
def waits(monkeypatch):
    """Seconds that the client would have waited between its attempts."""
    waited = []
    monkeypatch.setattr(client.time, "sleep", waited.append)
    return waited
