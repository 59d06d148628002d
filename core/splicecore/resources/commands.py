"""The command lines that messages name: what a user types to get a genomic resource."""

from __future__ import annotations

import shlex

__all__ = ["derive_command", "import_command", "variable_name"]


def variable_name(kind: str) -> str:
    """Return the environment variable that points at a genomic resource: ``SPLICECORE_<KIND>_PATH``."""
    return f"SPLICECORE_{kind.upper().replace('-', '_').replace('.', '_')}_PATH"


def derive_command(source: str, build: str, release: str | None = None, data_root: str | None = None) -> str:
    """Return the command that derives the datasets of a source and build.

    Parameters
    ----------
    source, build, release
        As in :class:`~splicecore.resources.keys.ResourceKey`.
    data_root
        Where to; None where the command finds it by itself.
    """
    return f"splicecore resources derive {_options(source, build, release, data_root)}"


def import_command(source: str, build: str, release: str | None = None, data_root: str | None = None) -> str:
    """Return the command that places genome and annotation into the data root; parameters as :func:`derive_command`."""
    options = _options(source, build, release, data_root)
    return f"splicecore resources import {options} --fasta FILE --annotation FILE"


def _options(source: str, build: str, release: str | None, data_root: str | None) -> str:
    given = {"--source": source, "--build": build, "--release": release, "--data-root": data_root}
    return shlex.join(word for name, value in given.items() if value is not None for word in (name, value))
