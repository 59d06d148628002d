"""Base models are opened through the hook, and what comes back is checked."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.api import BaseModelSpec, OpenRequest
from splicecore.errors import (
    ConfigError,
    ContractError,
    ExitCode,
    MissingDependencyError,
    PluginError,
    ResourceNotFoundError,
)

PLUGIN = """
from splicecore.api import BaseModelSpec, ResourceNotFoundError, hookimpl

def spec(name):
    return BaseModelSpec(name=name, factory=f"faulty:{name}", left=1, right=1, licence="MIT", citation="none")

@hookimpl
def splicecore_base_models():
    for name in ("crash", "leave", "dependency", "weightless", "nothing", "partial", "nameless", "specless", "dumb"):
        yield spec(name)

def crash(spec, request):
    raise ValueError("no idea")

def leave(spec, request):
    raise SystemExit(3)

def dependency(spec, request):
    import a_package_that_nobody_has

def weightless(spec, request):
    raise ResourceNotFoundError("weights are gone", hint="look elsewhere")

def nothing(spec, request):
    return None

def partial(spec, request):
    return object()

class Model:
    fingerprint = "f"
    def __init__(self, spec, request):
        self.spec = spec
    def predict(self, codes): ...
    def close(self): ...
    def __enter__(self): ...
    def __exit__(self, *exception): ...

class nameless(Model):
    fingerprint = ""

class specless(Model):
    def __init__(self, spec, request):
        self.spec = spec.name

class dumb(Model):
    predict = None
"""

WRAPPER = """
from splicecore.api import hookimpl

@hookimpl
def splicecore_open_base_model(spec, request):
    return REMOTE if request.engine is None and spec.name == "far" else None

class Remote:
    fingerprint = "remote"
    spec = None
    def predict(self, codes): ...
    def close(self): ...
    def __enter__(self): ...
    def __exit__(self, *exception): ...

REMOTE = Remote()
"""


def open_model(site, name: str):
    site.install("faulty", PLUGIN)
    host = site.discover()
    return host.open_base_model(host.base_model(name), OpenRequest())


def test_a_good_model_opens(site):
    site.install_good("good")
    host = site.discover()
    spec = host.base_model("good")
    with host.open_base_model(spec, OpenRequest(engine="numpy")) as model:
        assert model.spec is spec
        assert model.fingerprint == "f"


@pytest.mark.parametrize(
    ("name", "error", "text", "cause"),
    [
        ("crash", PluginError, "cannot be opened: ValueError: no idea", ValueError),
        ("leave", PluginError, "cannot be opened: SystemExit: tried to end the process", SystemExit),
        ("dependency", MissingDependencyError, "No module named 'a_package_that_nobody_has'", ModuleNotFoundError),
        ("nothing", ContractError, "returned None", None),
        ("partial", ContractError, "object, which lacks spec, fingerprint, predict, close, __enter__, __exit__", None),
        ("nameless", ContractError, "fingerprint ''", None),
        ("specless", ContractError, "spec that is str", None),
        ("dumb", ContractError, "whose predict cannot be called", None),
    ],
)
def test_what_goes_wrong_names_plugin_and_model(site, name, error, text, cause):
    with pytest.raises(error) as caught:
        open_model(site, name)
    assert type(caught.value) is error
    assert f"base model {name!r} of plugin 'faulty' (faulty 1.0)" in caught.value.message
    assert text in caught.value.message
    assert type(caught.value.__cause__) is (cause or type(None))
    assert caught.value.exit_code == ExitCode.PLUGIN


def test_errors_of_splicecore_pass_unchanged(site):
    with pytest.raises(ResourceNotFoundError, match="weights are gone") as caught:
        open_model(site, "weightless")
    assert caught.value.hint == "look elsewhere"


def test_a_factory_that_cannot_be_imported_is_a_missing_dependency(site):
    site.install(
        "heavy",
        "from splicecore.api import BaseModelSpec, hookimpl\n@hookimpl\ndef splicecore_base_models():\n"
        "    yield BaseModelSpec(name='heavy', factory='heavy_inner:open', left=0, right=0, licence='', citation='')\n",
    )
    (site.folder / "heavy_inner.py").write_text("import a_framework_that_nobody_has\n", encoding="utf-8")
    host = site.discover()
    with pytest.raises(MissingDependencyError, match="a_framework_that_nobody_has") as caught:
        host.open_base_model(host.base_model("heavy"), OpenRequest())
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_an_unknown_engine_is_a_usage_error(site):
    site.install_good("good")
    host = site.discover()
    with pytest.raises(ConfigError, match=r"base model 'good'.*has no engine 'tensorflow'") as caught:
        host.open_base_model(host.base_model("good"), OpenRequest(engine="tensorflow"))
    assert caught.value.hint == "choose one of: numpy"


def test_another_plugin_may_open_the_model_in_its_place(site):
    site.install_good("good")
    site.install("remote", WRAPPER)
    host = site.discover()
    spec = BaseModelSpec(name="far", factory="nowhere:at_all", left=0, right=0, licence="MIT", citation="")
    import remote

    remote.REMOTE.spec = spec
    assert host.open_base_model(spec, OpenRequest()) is remote.REMOTE
    assert host.open_base_model(host.base_model("good"), OpenRequest()) is not remote.REMOTE


def test_opened_models_are_not_called(site):
    """The check looks at the model; scoring is the conformance suite's business."""
    site.install_good("good")
    host = site.discover()
    model = host.open_base_model(host.base_model("good"), OpenRequest())
    with pytest.raises(NotImplementedError):
        model.predict(np.zeros((1, 3), np.uint8))
