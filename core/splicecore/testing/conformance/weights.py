"""Checks of what a base model makes of weights that are missing, cut short or altered."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from splicecore.errors import ResourceError, SplicecoreError
from splicecore.testing.conformance.case import BaseModelCase, ConformanceFailure, expect, skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from splicecore.plugins.specs import OpenRequest

__all__ = ["check_altered_weights", "check_missing_weights", "check_truncated_weights"]

_PLACES = 32


def check_missing_weights(case: BaseModelCase) -> None:
    """Check that weights that are not there are refused with a ResourceError that says what to do.

    Remedy: raise splicecore.api.ResourceNotFoundError(message, hint=...) where a file is missing.
    """
    _files(case)
    with tempfile.TemporaryDirectory() as folder:
        for what, path in (("an empty folder", folder), ("a folder that does not exist", str(Path(folder, "none")))):
            _expect_refusal(case, attrs.evolve(case.request, weights=path), f"weights in {what}", hint=True)


def check_truncated_weights(case: BaseModelCase) -> None:
    """Check that files of weights that were cut short are refused with a ResourceError.

    Remedy: turn the reader's error into splicecore.api.ChecksumError or ResourceError, naming the file.
    """
    with _changed(case, lambda content: content[: len(content) // 2]) as request:
        _expect_refusal(case, request, "truncated weights", hint=False)


def check_altered_weights(case: BaseModelCase) -> None:
    """Check that altered files of weights are refused, or give a model with another fingerprint.

    Remedy: hash the numbers of every weight into the fingerprint, or compare the files with known hashes.
    """
    with case.open() as model:
        fingerprint = model.fingerprint
    with _changed(case, _altered) as request:
        try:
            with case.open_with(request) as model:
                other = model.fingerprint
        except SplicecoreError:
            return
    expect(other != fingerprint, f"altered weights are accepted with the same fingerprint {fingerprint}")


def _files(case: BaseModelCase) -> list[Path]:
    """Find the files that the spec's patterns name, wherever they lie below the weights' folder."""
    if case.request.weights is None or not case.spec.weights:
        skip("the model has no files of weights (spec.weights, request.weights)")
    root = Path(case.request.weights)
    if root.is_file():
        return [root]
    patterns = [part for pattern in case.spec.weights for part in pattern.split("|")]
    found = sorted({path for pattern in patterns for path in root.rglob(pattern) if path.is_file()})
    expect(found, f"{root} has no file that matches {', '.join(case.spec.weights)}")
    return found


@contextlib.contextmanager
def _changed(case: BaseModelCase, change: Callable[[bytes], bytes]) -> Iterator[OpenRequest]:
    """Copy the folder of the weights, every file of weights changed, the others by link."""
    files = _files(case)
    root = Path(str(case.request.weights))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, root.name)
        if root.is_file():
            copy.write_bytes(change(root.read_bytes()))
        else:
            wanted = set(files)
            for path in sorted(root.rglob("*")):
                place = copy / path.relative_to(root)
                if path.is_dir():
                    place.mkdir(parents=True, exist_ok=True)
                else:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    if path in wanted:
                        place.write_bytes(change(path.read_bytes()))
                    else:
                        place.symlink_to(path.resolve())
        yield attrs.evolve(case.request, weights=str(copy))


def _altered(content: bytes) -> bytes:
    """Flip the lowest bit of bytes that are spread over the second half of a file."""
    changed = bytearray(content)
    half = len(changed) // 2
    for number in range(min(_PLACES, half)):
        changed[half + (len(changed) - half) * number // _PLACES] ^= 1
    return bytes(changed)


def _expect_refusal(case: BaseModelCase, request: OpenRequest, what: str, *, hint: bool) -> None:
    try:
        with case.open_with(request) as model:
            model.predict(case.windows(model.spec, n=1))
    except ResourceError as error:
        expect(not hint or error.hint, f"{what}: the error has no hint: {error}")
        return
    except Exception as error:
        raise ConformanceFailure(f"{what}: raised {error!r} instead of ResourceError") from error
    raise ConformanceFailure(f"{what}: accepted, where ResourceError was expected")
