"""A licence is shown once."""

from __future__ import annotations

import logging

import attrs
import pytest
from splicecore.predict.licence import licence_notice
from splicecore.testing.fakes import MOTIF_SPEC

SPEC = attrs.evolve(
    MOTIF_SPEC, name="restricted", licence="CC-BY-NC-4.0", commercial_use=False, citation="Someone 2019"
)


def levels(caplog):
    return [record.levelno for record in caplog.records]


def test_a_licence_is_a_warning_the_first_time_and_information_after(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    caplog.set_level(logging.INFO)
    licence_notice(SPEC, "a" * 64)
    licence_notice(SPEC, "a" * 64)
    licence_notice(SPEC, "b" * 64)
    assert levels(caplog) == [logging.WARNING, logging.INFO, logging.WARNING]
    assert "CC-BY-NC-4.0, not for commercial use; cite Someone 2019" in caplog.messages[0]


def test_where_nothing_can_be_remembered_it_is_shown_each_time(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    caplog.set_level(logging.INFO)
    licence_notice(SPEC, "a" * 64)
    licence_notice(SPEC, "a" * 64)
    assert levels(caplog) == [logging.WARNING, logging.WARNING]


@pytest.mark.parametrize(("allowed", "words"), [(True, "allowed"), (None, "unclear")])
def test_commercial_use_is_named(tmp_path, monkeypatch, caplog, allowed, words):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    licence_notice(attrs.evolve(SPEC, commercial_use=allowed), "c" * 64)
    assert f"commercial use {words}" in caplog.text
