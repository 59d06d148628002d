from __future__ import annotations

import pytest
from splicecore.cli.model_options import merge_model_options
from splicecore.errors import ConfigError


def test_values_are_json_or_text():
    options = ["context=400", "species=mane", "members=[10, 11]", 'name="x=y"', "path=a=b", "flag=true", "empty="]
    assert merge_model_options({}, "net", options)["net"] == {
        "context": 400,
        "species": "mane",
        "members": [10, 11],
        "name": "x=y",
        "path": "a=b",
        "flag": True,
        "empty": "",
    }


def test_options_lie_over_the_files_settings_and_leave_others_alone():
    models = {"net": {"context": 80, "species": "mouse"}, "other": {"members": [1]}}
    assert merge_model_options(models, "net", ["context=400"]) == {
        "net": {"context": 400, "species": "mouse"},
        "other": {"members": [1]},
    }
    assert models["net"]["context"] == 80
    assert merge_model_options(models, "net", []) == models


@pytest.mark.parametrize("options", [["context"], ["=4"], ["context=1", "context=2"]])
def test_options_that_make_no_sense(options):
    with pytest.raises(ConfigError, match=r"--model-option .*(not KEY=VALUE|twice)"):
        merge_model_options({}, "net", options)
