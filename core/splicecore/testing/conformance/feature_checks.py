"""Checks of a feature set: its columns, its rows, what they may depend on; and running them without pytest."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import numpy as np
import pyarrow as pa

from splicecore.errors import ConfigError
from splicecore.plugins.protocols import FeatureSet
from splicecore.testing.conformance.case import ConformanceFailure, expect, skip
from splicecore.testing.conformance.checks import CheckResult, run_checks
from splicecore.testing.conformance.feature_case import FeatureSetCase, as_text
from splicecore.testing.conformance.isolation import captured_stdout, in_new_process, unchanged_generators

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FEATURE_SET_CHECKS", "FeatureSetCheck", "run_feature_set_checks"]

FeatureSetCheck: TypeAlias = Callable[[FeatureSetCase], None]
"""Returns if the set conforms, raises ConformanceFailure or CheckSkipped; any other exception is a failure too."""

_COLUMN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
_SEPARATOR = "__"


def check_making(case: FeatureSetCase) -> None:
    """Check that the factory makes a feature set and that unknown settings are refused.

    Remedy: give the factory the structured config and return an object with compute.
    """
    made = case.make()
    expect(isinstance(made, FeatureSet), f"{type(made).__name__} has no method compute")
    if case.spec.config_cls is not None:
        expect(attrs.has(case.spec.config_cls), f"config_cls {case.spec.config_cls!r} is not an attrs class")
        try:
            attrs.evolve(case, config={**case.config, "no_such_setting": 1}).make()
        except ConfigError:
            return
        raise ConformanceFailure("an unknown setting is accepted, where ConfigError was expected")


def check_schema(case: FeatureSetCase) -> None:
    """Check that the schema declares columns of numbers, by names that files and models can carry.

    Remedy: return a pyarrow.Schema of numeric fields, names of letters, digits and _ without a double _.
    """
    schema = case.schema()
    expect(isinstance(schema, pa.Schema), f"schema returned {type(schema).__name__}, not a pyarrow.Schema")
    expect(schema.names, "the schema has no column")
    expect(len(set(schema.names)) == len(schema.names), "the schema names a column twice")
    for field in schema:
        valid = _COLUMN.fullmatch(field.name) and _SEPARATOR not in field.name
        expect(valid, f"{field.name!r} is not a column's name (letters, digits and single _)")
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        expect(number, f"column {field.name} is of type {field.type}, not of numbers")
        near = (field.metadata or {}).get(b"near_label", b"true")
        expect(near in {b"true", b"false"}, f"column {field.name}: near_label is {near!r}, not 'true' or 'false'")
    expect(case.schema().equals(schema, check_metadata=True), "the schema is another one when it is asked for again")


def check_columns(case: FeatureSetCase) -> None:
    """Check that features come as record batches with the declared columns, types and order, a row a position.

    Remedy: build the batch with pa.record_batch(arrays, schema=schema(config)), one row for each index.
    """
    schema = case.schema()
    for index in (None, np.array([5, 0, 5, 199], dtype=np.int64)):
        for batch in case.features(case.block(), index):
            expect(isinstance(batch, pa.RecordBatch), f"compute returned {type(batch).__name__}, not a RecordBatch")
            expect(batch.schema.names == schema.names, f"compute returned columns {batch.schema.names}")
            for field, column in zip(schema, batch.columns, strict=True):
                expect(column.type == field.type, f"{field.name} came as {column.type}, {field.type} is declared")
            rows = 200 if index is None else len(index)
            expect(batch.num_rows == rows, f"compute returned {batch.num_rows} rows for {rows} positions")


def check_missing(case: FeatureSetCase) -> None:
    """Check that nulls are only where the schema allows them and that floats are finite: what is missing is null.

    Remedy: declare the column nullable and write null, not NaN, or fill in a value.
    """
    schema = case.schema()
    for batch in (each for block in (case.block(), case.block(20)) for each in case.features(block)):
        for field, column in zip(schema, batch.columns, strict=False):
            expect(field.nullable or not column.null_count, f"{field.name} has nulls, which its field excludes")
            if pa.types.is_floating(column.type):
                values = column.drop_null().to_numpy(zero_copy_only=False)
                expect(np.isfinite(values).all(), f"{field.name} has values that are not finite")


def check_positions(case: FeatureSetCase) -> None:
    """Check that a position's features do not depend on which other positions are asked for, nor on their order.

    Remedy: compute from the block and the index, never from the selection as a whole.
    """
    block = case.block()
    dense = case.features(block)
    backward = np.arange(block.length, dtype=np.int64)[::-1].copy()
    some = np.array([7, 0, 150, 7, 199, 42], dtype=np.int64)
    for what, index in (("in reverse order", backward), ("a few of them", some)):
        for whole, part in zip(dense, case.features(block, index), strict=True):
            _expect_same(_rows(whole, index), part, f"positions {what}")


def check_empty(case: FeatureSetCase) -> None:
    """Check that no positions give no rows of the declared columns.

    Remedy: take an index of length 0.
    """
    schema = case.schema()
    for batch in case.features(case.block(), np.empty(0, dtype=np.int64)):
        expect(batch.num_rows == 0, f"no positions give {batch.num_rows} rows")
        expect(batch.schema.names == schema.names, f"no positions give columns {batch.schema.names}")


def check_one_base(case: FeatureSetCase) -> None:
    """Check that a gene of one base has features.

    Remedy: let neighbors beyond the gene's ends be missing.
    """
    for batch in case.features(case.block(1)):
        expect(batch.num_rows == 1, f"a gene of one base gives {batch.num_rows} rows")


def check_unknown_bases(case: FeatureSetCase) -> None:
    """Check that a gene of nothing but N has features, finite or missing.

    Remedy: divide by nothing that a window of N makes zero.
    """
    for batch in case.features(case.block(unknown=True)):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_floating(column.type):
                values = column.drop_null().to_numpy(zero_copy_only=False)
                expect(np.isfinite(values).all(), f"{name} of unknown bases has values that are not finite")


def check_halo(case: FeatureSetCase) -> None:
    """Check that bases beyond the declared halo make no difference.

    Remedy: declare the halo that the features use, and count from block.halo, not from the ends of the codes.
    """
    wide = case.block(more_halo=37)
    for name, block in (("more halo", wide), ("other bases beyond the halo", _other_ends(wide, 37))):
        for exact, other in zip(case.features(case.block()), case.features(block), strict=True):
            _expect_same(exact, other, name)


def check_orientation(case: FeatureSetCase) -> None:
    """Check that the strand makes no difference: blocks are in transcript orientation already.

    Remedy: never reverse or complement a block; set uses_coordinates where features follow genomic positions.
    """
    if case.uses_coordinates or case.spec.requires:
        skip("the features depend on where the gene lies")
    for plus, minus in zip(case.features(case.block()), case.features(case.block(strand="-")), strict=True):
        _expect_same(plus, minus, "the same block on the minus strand")


def check_models(case: FeatureSetCase) -> None:
    """Check that the names of base models, and outputs after the first three, make no difference.

    Remedy: take scores by place (next(iter(block.scores.values())) is the primary) and columns 0 to 2 of them.
    """
    named = case.block(models=tuple(f"model-{number}" for number, _ in enumerate(case.models)))
    for known, unknown in zip(case.features(case.block()), case.features(named), strict=True):
        _expect_same(known, unknown, "base models of other names")
    block = case.block()
    wider = {name: np.concatenate([scores, scores[:, :2]], axis=1) for name, scores in block.scores.items()}
    outputs = {name: (*names, "spread", "tissue") for name, names in block.outputs.items()}
    extra = attrs.evolve(block, scores=wider, outputs=outputs)
    for three, five in zip(case.features(block), case.features(extra), strict=True):
        _expect_same(three, five, "base models with five outputs")


def check_repeatable(case: FeatureSetCase) -> None:
    """Check that a block has the same features, bit for bit, whatever came before it and whoever computes them.

    Remedy: keep no state between blocks.
    """
    made = case.make()
    first = case.features(case.block(), features=made)
    case.features(case.block(90, seed=2), features=made)
    for what, again in (("after another block", case.features(case.block(), features=made)),
                        ("by another instance", case.features(case.block()))):  # fmt: skip
        for left, right in zip(first, again, strict=True):
            _expect_same(left, right, f"the same block {what}")


def check_other_process(case: FeatureSetCase) -> None:
    """Check that spec and settings, sent to a new process, give the same features there.

    Remedy: name the factory by its module, keep settings JSON-able, and depend on no order of sets or hashes.
    """
    here = [as_text(batch) for batch in case.features(case.block())]
    there = in_new_process("computed_features", case)
    for left, right in zip(here, there, strict=True):
        names = [name for name in left if left[name] != right.get(name)]
        expect(not names, f"a new process gives other values of {', '.join(names)}")


def check_settings(case: FeatureSetCase) -> None:
    """Check that settings are JSON-able, as the set itself tells them where it has ``contract_settings``.

    Remedy: return a dict of plain values from contract_settings, and let close be called twice.
    """
    made: Any = case.make()
    own = getattr(made, "contract_settings", None)
    told = own(Path.cwd() / "no-such-cache") if own is not None and not case.spec.requires else case.config
    try:
        json.dumps(told)
    except TypeError as error:
        raise ConformanceFailure(f"settings are not JSON-able: {error}") from error
    close = getattr(made, "close", None)
    if close is not None:
        close()
        close()


def check_input_untouched(case: FeatureSetCase) -> None:
    """Check that blocks may be read-only and are left as they are.

    Remedy: copy what you write to.
    """
    block = case.block()
    index = np.arange(50, dtype=np.int64)
    arrays: list[npt.NDArray[Any]] = [block.codes, index, *block.scores.values()]
    before = [array.tobytes() for array in arrays]
    case.features(block, index)
    expect(before == [array.tobytes() for array in arrays], "the block's arrays or the index are changed")
    for array in arrays:
        array.flags.writeable = False
    case.features(block, index)


def check_silence(case: FeatureSetCase) -> None:
    """Check that nothing is written to standard output.

    Remedy: log with the logging module.
    """
    with captured_stdout() as written:
        case.features(case.block())
    text = "".join(written)
    expect(not text, f"standard output got {text[:60]!r}; it belongs to results")


def check_global_state(case: FeatureSetCase) -> None:
    """Check that the global generators of random numbers are left alone.

    Remedy: draw nothing; features are deterministic.
    """
    expect(unchanged_generators(functools.partial(case.features, case.block())), "a global generator is seeded or used")


FEATURE_SET_CHECKS: tuple[FeatureSetCheck, ...] = (
    check_making,
    check_schema,
    check_columns,
    check_missing,
    check_positions,
    check_empty,
    check_one_base,
    check_unknown_bases,
    check_halo,
    check_orientation,
    check_models,
    check_repeatable,
    check_other_process,
    check_settings,
    check_input_untouched,
    check_silence,
    check_global_state,
)
"""All of them, in the order in which they are best read."""


def run_feature_set_checks(case: FeatureSetCase) -> Iterator[CheckResult]:
    """Run every check on a feature set, one by one, whatever the others say."""
    return run_checks(FEATURE_SET_CHECKS, case)


def _rows(batch: pa.RecordBatch, index: npt.NDArray[np.int64]) -> pa.RecordBatch:
    return batch.take(index)


def _expect_same(left: pa.RecordBatch, right: pa.RecordBatch, what: str) -> None:
    first, second = as_text(left), as_text(right)
    names = [name for name in first if first[name] != second.get(name)]
    expect(not names, f"{what}: other values of {', '.join(names)}")


def _other_ends(block: Any, bases: int) -> Any:
    codes = block.codes.copy()
    codes[:bases] = (codes[:bases] + 1) % 4
    codes[-bases:] = (codes[-bases:] + 1) % 4
    return attrs.evolve(block, codes=codes)
