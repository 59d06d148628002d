"""INFO: SpliceAI's format to the letter, names of tags, and what names of genes may hold."""

from __future__ import annotations

import json

import pytest
from splicecore.errors import ConfigError
from splicecore.variants.annotate import Annotator
from splicecore.variants.info import InfoTag, ScoreText, escape, make_tags, settings_line
from splicecore.variants.results import ResultRow

TAG = InfoTag(model="spliceai", name="SpliceAI")
OTHER = InfoTag(model="mine", name="mine")


def row(alt="C", gene="NEB", model="spliceai", order=0, scores=(0.01, 0.0, 0.004, 0.7449), unscored=None):
    return ResultRow(
        base_model=model, contig="2", position=9, ref="T", alt=alt, gene_name=gene, transcript_id=f"T{order}",
        strand="-", order=order, unscored=unscored, scores=scores, offsets=None if scores is None else (43, 3, -26, 0),
    )  # fmt: skip


def test_spliceai_s_format():
    text = ScoreText().fields("A", ["NEB"], (0.01, -0.0, 0.005, 0.995), (43, 3, -26, 0))
    assert text == "A|NEB|0.01|0.00|0.01|0.99|43|3|-26|0"
    below = ScoreText().fields("A", ["NEB"], (-0.004, -0.006, -1e-9, -0.0), (43, 3, -26, 0))
    assert below == "A|NEB|0.00|-0.01|0.00|0.00|43|3|-26|0", "what rounds to 0 has no sign"
    assert ScoreText(precision=4).fields("A", ["G"], (0.12345, 0, 1, 0.5), (0, 0, 0, 0)).startswith("A|G|0.1235|0.0000")
    assert ScoreText().fields("AT", ["TTN"], None, None) == "AT|TTN|.|.|.|.|.|.|.|."


def test_what_would_break_info_is_escaped():
    assert escape("A|B,C;D=E F%") == "A%7CB%2CC%3BD%3DE%20F%25"
    assert escape("HLA-DRB1.2_x") == "HLA-DRB1.2_x"


def test_values_of_a_record():
    rows = [
        row("C"), row("C", "OTHER"), row("GG", unscored="mnv_not_scored", scores=None),
        row("C", model="mine", scores=(0.5, 0, 0, 0)), row("<DEL>", None, scores=None, unscored="symbolic_alt"),
    ]  # fmt: skip
    annotator = Annotator(tags=(TAG, OTHER), text=ScoreText())
    assert annotator.values(rows) == {
        "SpliceAI": "C|NEB|0.01|0.00|0.00|0.74|43|3|-26|0,C|OTHER|0.01|0.00|0.00|0.74|43|3|-26|0,"
        "GG|NEB|.|.|.|.|.|.|.|.",
        "mine": "C|NEB|0.50|0.00|0.00|0.00|43|3|-26|0",
    }
    assert annotator.written == ("SpliceAI", "mine")
    assert annotator.values(rows[-1:]) == {}


def test_reasons_and_further_transcripts_have_tags_of_their_own():
    rows = [row(order=3), row(order=4), row("<DEL>", None, scores=None, unscored="symbolic_alt", order=-1)]
    annotator = Annotator(tags=(TAG,), text=ScoreText(), main=frozenset({4}), reasons=True)
    assert annotator.values(rows) == {
        "SpliceAI": "C|NEB|0.01|0.00|0.00|0.74|43|3|-26|0",
        "SpliceAI_transcripts": "C|NEB|T3|-|0.01|0.00|0.00|0.74|43|3|-26|0",
        "SpliceAI_unscored": "<DEL>|.|T-1|symbolic_alt",
    }
    assert annotator.written == ("SpliceAI", "SpliceAI_transcripts", "SpliceAI_unscored")
    header = annotator.header("1.0", {"spliceai": "f" * 64})
    assert [line.split(b",")[0] for line in header] == [b"##INFO=<ID=" + name.encode() for name in annotator.written]
    assert header[0].endswith(b'Format: ALLELE|SYMBOL|DS_AG|DS_AL|DS_DG|DS_DL|DP_AG|DP_AL|DP_DG|DP_DL">')


def test_vep_s_records():
    rows = [row("C"), row("C", "OTHER"), row("GG", unscored="mnv_not_scored", scores=None)]
    assert list(Annotator(tags=(TAG,), text=ScoreText()).vep_records(rows)) == [
        b"2\t10\t.\tT\tC\t.\t.\tSpliceAI=C|NEB|0.01|0.00|0.00|0.74|43|3|-26|0",
        b"2\t10\t.\tT\tC\t.\t.\tSpliceAI=C|OTHER|0.01|0.00|0.00|0.74|43|3|-26|0",
    ]


def test_names_of_tags():
    tags = make_tags(["spliceai", "openspliceai", "my-model"], {"my-model": "Mine"})
    assert [tag.name for tag in tags] == ["SpliceAI", "OpenSpliceAI", "Mine"]
    assert make_tags(["my-model"], {})[0].name == "my_model"


@pytest.mark.parametrize(
    ("models", "names"),
    [(["a"], {"b": "X"}), (["a", "b"], {"a": "X", "b": "X"}), (["a"], {"a": "1x"}), (["a"], {"a": "x y"})],
)
def test_names_that_cannot_be(models, names):
    with pytest.raises(ConfigError):
        make_tags(models, names)


def test_settings_are_one_line_of_json():
    line = settings_line({"b": 1, "a": {"é": None}})
    assert json.loads(line.removeprefix(b"##splicecore_variants=")) == {"a": {"é": None}, "b": 1}
    assert b"\n" not in line
