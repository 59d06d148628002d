"""Checks of the descriptor, of opening and closing, and of refusing what the model cannot do."""

from __future__ import annotations

import functools
import json
import pickle
import re

import attrs
import numpy as np

from splicecore.errors import SplicecoreError
from splicecore.plugins.protocols import BaseModel
from splicecore.plugins.specs import BaseModelSpec, OpenRequest, load_object
from splicecore.testing.conformance.case import BaseModelCase, ConformanceFailure, expect, expect_refusal, skip

__all__ = [
    "check_bad_input",
    "check_closing",
    "check_fingerprint",
    "check_fingerprint_of_altered_weights",
    "check_opening",
    "check_spec",
    "check_unknown_device",
    "check_unknown_engine",
]

_FINGERPRINT = re.compile(r"([a-z0-9]+:)?[0-9a-f]{8,}")
_LARGEST_TOLERANCE = 1e-3


def check_spec(case: BaseModelCase) -> None:
    """Check that the descriptor says what users must know and that it can be sent to another process.

    Remedy: complete the descriptor in the plugin's module.
    """
    spec = case.spec
    expect(spec.licence.strip(), "the spec's licence is empty; give an SPDX identifier or the licence's name")
    expect(spec.citation.strip(), "the spec's citation is empty; name the paper or the authors")
    expect("\n" not in spec.summary, "the spec's summary is more than one line")
    expect(
        0 <= spec.tolerance <= _LARGEST_TOLERANCE,
        f"the spec's tolerance is {spec.tolerance:g}; it must lie between 0 and {_LARGEST_TOLERANCE:g}",
    )
    expect(spec.output_length is None or spec.output_length > 0, f"output_length is {spec.output_length}")
    expect(
        spec.output_length is None or spec.output_length <= spec.max_positions,
        f"output_length {spec.output_length} exceeds max_positions {spec.max_positions}",
    )
    expect(len(set(spec.engines)) == len(spec.engines), f"engines {spec.engines} name one twice")
    expect(
        spec.config_cls is None or attrs.has(spec.config_cls), f"config_cls {spec.config_cls!r} is not an attrs class"
    )
    load_object(spec.factory)
    restored = pickle.loads(pickle.dumps((spec, case.request)))  # noqa: S301 - own bytes
    expect(restored == (spec, case.request), "spec and request are not equal to themselves after pickling")
    plain = attrs.asdict(case.request)
    expect(json.loads(json.dumps(plain)) == plain, "the request's config holds values that JSON does not keep")


def check_opening(case: BaseModelCase) -> None:
    """Check that the factory returns a base model that agrees with its descriptor.

    Remedy: return an object with every member of splicecore.api.BaseModel and the spec it was opened with.
    """
    with _opened(case) as model:
        expect(isinstance(model, BaseModel), f"{type(model).__name__} lacks a member of the BaseModel protocol")
        expect(isinstance(model.spec, BaseModelSpec), f"model.spec is a {type(model.spec).__name__}")
        expect(model.spec.name == case.spec.name, f"the model of {case.spec.name!r} says it is {model.spec.name!r}")
        expect(
            model.spec.engines == case.spec.engines and model.spec.licence == case.spec.licence,
            "engines or licence of the opened model differ from the descriptor's",
        )


def check_closing(case: BaseModelCase) -> None:
    """Check that ``close`` may be called twice and that ``with`` gives the model and lets exceptions through.

    Remedy: let close return at once when there is nothing left to close, and __exit__ return None.
    """
    model = case.open()
    with model as entered:
        expect(entered is model, "__enter__ returns something else than the model")
    try:
        model.close()
        model.close()
    except Exception as error:
        raise ConformanceFailure(f"closing a closed model raised {error!r}") from error
    try:
        _fail_inside(case.open())
    except _ProbeError:
        return
    raise ConformanceFailure("__exit__ swallows exceptions")


def check_fingerprint(case: BaseModelCase) -> None:
    """Check that the fingerprint is a hash, the same at every opening and for any number of threads.

    Remedy: hash the weights and the settings that change scores, and nothing else.
    """
    prints = []
    for request in (case.request, case.request, attrs.evolve(case.request, threads=case.request.threads + 1)):
        with case.open_with(request) as model:
            prints.append(model.fingerprint)
    first = prints[0]
    expect(
        isinstance(first, str) and _FINGERPRINT.fullmatch(first),
        f"fingerprint {first!r} is not a hash: at least 8 lower-case hexadecimal digits, with or without 'algorithm:'",
    )
    expect(prints[1] == first, f"two openings have different fingerprints, {first} and {prints[1]}")
    expect(prints[2] == first, f"the fingerprint depends on threads: {first} and {prints[2]}")


def check_fingerprint_of_altered_weights(case: BaseModelCase) -> None:
    """Check that a changed weight changes the fingerprint.

    Remedy: hash the numbers of every weight, not a name or version.
    """
    if case.altered_request is None:
        skip("no altered weights: override the altered_request fixture with a request whose weights differ")
    with case.open() as model, case.open_with(case.altered_request) as altered:
        expect(
            model.fingerprint != altered.fingerprint,
            f"the fingerprint {model.fingerprint} stays the same although the weights differ",
        )


def check_bad_input(case: BaseModelCase) -> None:
    """Check that codes of wrong dtype, dimensions or length are refused (ValueError or SplicecoreError).

    Remedy: call splicecore.api.check_codes at the start of predict.
    """
    with case.open() as model:
        spec = model.spec
        good = case.windows(spec, n=1, positions=case.positions(spec))
        bad = {
            "float32 codes": good.astype(np.float32),
            "int64 codes": good.astype(np.int64),
            "one-dimensional codes": good[0],
            "three-dimensional codes": good[:, :, None],
        }
        if spec.left + spec.right > 0:
            bad["codes shorter than left + right"] = good[:, : spec.left + spec.right - 1]
        for what, codes in bad.items():
            expect_refusal(functools.partial(model.predict, codes), what, (ValueError, SplicecoreError))


def check_unknown_device(case: BaseModelCase) -> None:
    """Check that a device that does not exist is refused with a SplicecoreError, not the framework's own error.

    A model that runs on the CPU alone may take the name of an accelerator and run on the CPU all the same; nonsense is
    refused by every model.

    Remedy: raise ConfigError for a device that the framework does not have.
    """
    _expect_open_refusal(case, attrs.evolve(case.request, device="no-such-device"), "device 'no-such-device'")
    try:
        _open_and_score(case, attrs.evolve(case.request, device="cuda:99"))
    except SplicecoreError:
        return
    except Exception as error:
        raise ConformanceFailure(f"device 'cuda:99': raised {error!r} instead of SplicecoreError") from error


def check_unknown_engine(case: BaseModelCase) -> None:
    """Check that an engine that the spec does not name is refused with a SplicecoreError.

    Remedy: raise ConfigError for an engine that the spec does not name.
    """
    _expect_open_refusal(case, attrs.evolve(case.request, engine="no-such-engine"), "engine 'no-such-engine'")


class _ProbeError(Exception):
    """Raised inside a ``with`` block to see whether it comes out."""


def _fail_inside(model: BaseModel) -> None:
    with model:
        raise _ProbeError


def _opened(case: BaseModelCase) -> BaseModel:
    model = case.open()
    missing = [name for name in ("__enter__", "__exit__") if not hasattr(type(model), name)]
    expect(not missing, f"{type(model).__name__} has no {' and no '.join(missing)}")
    return model


def _open_and_score(case: BaseModelCase, request: OpenRequest) -> None:
    with case.open_with(request) as model:
        model.predict(case.windows(model.spec, n=1))


def _expect_open_refusal(case: BaseModelCase, request: OpenRequest, what: str) -> None:
    expect_refusal(functools.partial(_open_and_score, case, request), what, (SplicecoreError,))
