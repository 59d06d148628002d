"""The text of variant scores in VCF: names of the INFO tags, lines of the header, fields of an allele."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["InfoTag", "ScoreText", "escape", "make_tags"]

SCORES = ("DS_AG", "DS_AL", "DS_DG", "DS_DL")
POSITIONS = ("DP_AG", "DP_AL", "DP_DG", "DP_DL")
FORMAT = "|".join(("ALLELE", "SYMBOL", *SCORES, *POSITIONS))
TRANSCRIPT_FORMAT = "|".join(("ALLELE", "SYMBOL", "TRANSCRIPT", "STRAND", *SCORES, *POSITIONS))
REASON_FORMAT = "ALLELE|SYMBOL|TRANSCRIPT|REASON"

_KNOWN = {"spliceai": "SpliceAI", "openspliceai": "OpenSpliceAI"}
_NAME = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*")
_SPECIAL = re.compile(r"[%:;=,|\s]")


@attrs.frozen(kw_only=True)
class InfoTag:
    """Names of what one base model writes into INFO.

    Attributes
    ----------
    model
        Name of the base model.
    name
        Tag of one transcript a gene, in SpliceAI's format.
    scorer
        What the header says that scores; empty for the base model.
    """

    model: str
    name: str
    scorer: str = ""

    @property
    def transcripts(self) -> str:
        """Tag of the further transcripts of genes."""
        return f"{self.name}_transcripts"

    @property
    def reasons(self) -> str:
        """Tag of the alleles without scores, and why."""
        return f"{self.name}_unscored"

    def header(self, version: str, fingerprint: str, *, transcripts: bool, reasons: bool) -> list[bytes]:
        """Lines that declare the tags.

        Parameters
        ----------
        version
            Of splicecore.
        fingerprint
            Of the model's weights.
        transcripts, reasons
            Which of the further tags are written.
        """
        by = f"splicecore {version} with {self.scorer or f'base model {self.model}, weights'} {fingerprint[:16]}"
        about = (
            "These include delta scores (DS) and delta positions (DP) for acceptor gain (AG), acceptor loss (AL), "
            "donor gain (DG), and donor loss (DL)."
        )
        lines = [_declaration(self.name, f"Variant annotation by {by}. {about} Format: {FORMAT}")]
        if transcripts:
            text = f"As {self.name}, for further transcripts of the genes. Format: {TRANSCRIPT_FORMAT}"
            lines.append(_declaration(self.transcripts, text))
        if reasons:
            text = f"Alleles that have no {self.name} scores and why. Format: {REASON_FORMAT}"
            lines.append(_declaration(self.reasons, text))
        return lines


def _declaration(name: str, description: str) -> bytes:
    text = description.replace("\\", "\\\\").replace('"', '\\"')
    return f'##INFO=<ID={name},Number=.,Type=String,Description="{text}">'.encode()


def make_tags(models: Sequence[str], names: Mapping[str, str]) -> tuple[InfoTag, ...]:
    """Choose the tag of each base model.

    Parameters
    ----------
    models
        Names of the base models.
    names
        Tags that the user chose, by model.

    Raises
    ------
    ConfigError
        If a tag is no name that VCF allows, two models have one, or one is chosen for a model that is not used.
    """
    for model in names:
        if model not in models:
            raise ConfigError(f"a tag is given for {model}, which is no base model of this command")
    tags = []
    for model in models:
        name = names.get(model) or _KNOWN.get(model) or re.sub(r"[^0-9A-Za-z_.]", "_", model)
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} is no name of an INFO tag", hint=f"--tag {model}=NAME, letters, digits and _")
        tags.append(InfoTag(model=model, name=name))
    written = [text for tag in tags for text in (tag.name, tag.transcripts, tag.reasons)]
    for text in written:
        if written.count(text) > 1:
            raise ConfigError(f"INFO tag {text} would be written by two base models", hint="--tag MODEL=NAME")
    return tuple(tags)


def settings_line(settings: Mapping[str, Any]) -> bytes:
    """Return the header's line of what the scores were made with: one JSON value without spaces."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"##splicecore_variants={text}".encode()


def escape(text: str) -> str:
    """Write what would end a field or a value of INFO as ``%XX``, as VCF 4.3 does."""
    return _SPECIAL.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), text)


@attrs.frozen(kw_only=True)
class ScoreText:
    """Writes the scores of one row.

    Attributes
    ----------
    precision
        Decimals of the delta scores.
    """

    precision: int = 2

    def fields(
        self, allele: str, names: Iterable[str], scores: Sequence[float] | None, positions: Sequence[int] | None
    ) -> str:
        """Return the fields joined by ``|``; dots where there are no scores.

        Parameters
        ----------
        allele
            ALT, as in the VCF.
        names
            Symbol of the gene, and whatever else comes before the scores.
        scores, positions
            AG, AL, DG, DL: delta scores, and their offsets from POS in bases (genomic).
        """
        if scores is None or positions is None:
            numbers = ["."] * (len(SCORES) + len(POSITIONS))
        else:
            numbers = [*map(self._decimals, scores), *map(str, positions)]
        return "|".join((escape(allele), *map(escape, names), *numbers))

    def _decimals(self, score: float) -> str:
        """Round a score; what is 0 then has no sign."""
        text = f"{score:.{self.precision}f}"
        return text if text.strip("-0.") else text.removeprefix("-")
