"""How genes are divided into training, validation and test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import attrs

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Balance", "ParalogPolicy", "SplitConfig", "SplitMethod"]

SplitMethod = Literal["group-shuffle", "group-kfold", "chromosome", "leave-one-chromosome-out"]
Balance = Literal["bases", "rows", "genes"]
ParalogPolicy = Literal["report", "exclude", "group"]


def _names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(name.strip() for name in parts if name.strip())


@attrs.frozen(kw_only=True)
class SplitConfig:
    """Settings of a split; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    method
        ``"group-shuffle"``: one fold, at random. ``"group-kfold"``: ``folds`` folds, every gene is tested once.
        ``"chromosome"``: one fold, by the lists of chromosomes. ``"leave-one-chromosome-out"``: a fold for every
        chromosome that has genes, tested on it.
    folds
        Of ``group-kfold``.
    valid_share
        Of what is not tested, the share for validation, in (0, 1); not used where ``valid`` names chromosomes.
    test_share
        Of ``group-shuffle``, in (0, 1).
    train, valid, test
        Chromosomes of ``chromosome`` by any of their names. ``train`` empty: all that are in neither other list;
        ``valid`` empty: groups of genes of the training chromosomes.
    group_col
        Column of the table of genes whose equal values stay on one side.
    margin
        Genes with fewer than so many bases between them count as overlapping.
    balance
        What the shares are shares of: the genes' bases, their rows in the dataset, or their number.
    paralogs
        Genes of similar sequence: ``"report"`` names the tested genes that have one outside the test;
        ``"exclude"`` leaves those out of the test; ``"group"`` keeps such genes on one side.
    seed
        Of every random choice.
    """

    method: SplitMethod = attrs.field(default="group-kfold")
    folds: int = attrs.field(default=5)
    valid_share: float = attrs.field(default=0.1)
    test_share: float = attrs.field(default=0.2)
    train: tuple[str, ...] = attrs.field(default=(), converter=_names)
    valid: tuple[str, ...] = attrs.field(default=(), converter=_names)
    test: tuple[str, ...] = attrs.field(default=(), converter=_names)
    group_col: str = "gene_id"
    margin: int = attrs.field(default=0)
    balance: Balance = attrs.field(default="bases")
    paralogs: ParalogPolicy = attrs.field(default="report")
    seed: int = attrs.field(default=42)

    @method.validator
    @balance.validator
    @paralogs.validator
    def _check_choice(self, attribute: attrs.Attribute[str], value: str) -> None:
        choices = get_args({"method": SplitMethod, "balance": Balance, "paralogs": ParalogPolicy}[attribute.name])
        if value not in choices:
            raise ConfigError(f"{attribute.name} is {value!r}", hint=f"choose one of {', '.join(choices)}")

    @folds.validator
    def _check_folds(self, _: object, value: int) -> None:
        if value < 2:
            raise ConfigError(f"folds is {value}; it must be at least 2")

    @valid_share.validator
    @test_share.validator
    def _check_share(self, attribute: attrs.Attribute[float], value: float) -> None:
        if not 0 < value < 1:
            raise ConfigError(f"{attribute.name} is {value:g}; it must be between 0 and 1")

    @margin.validator
    @seed.validator
    def _check_not_negative(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value < 0:
            raise ConfigError(f"{attribute.name} is {value}; it cannot be negative")

    def __attrs_post_init__(self) -> None:
        named = [name for name in ("train", "valid", "test") if getattr(self, name)]
        if named and self.method != "chromosome":
            raise ConfigError(
                f"{' and '.join(named)} chromosomes are given, but the method is {self.method}",
                hint="choose the method chromosome",
            )
        if self.method == "chromosome" and not self.test:
            raise ConfigError("no chromosome is given to test on", hint="name at least one test chromosome")
