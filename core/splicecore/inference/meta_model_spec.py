"""What a user names as a meta-model: a name, or JSON with settings; opened through the plugin that provides it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import cattrs

from splicecore.config import structure
from splicecore.errors import ConfigError, ContractError
from splicecore.plugins.specs import load_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.protocols import MetaModel

__all__ = ["MetaModelChoice"]

MEMORY = "memory_gib"
"""Setting of meta-models that can keep rows in files: from which size on, in GiB. It changes no byte of the model."""

_METHODS = ("fit", "predict_proba", "save", "load")


@attrs.frozen(kw_only=True)
class MetaModelChoice:
    """A kind of meta-model and its settings; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    name
        As its plugin provides it: ``"xgboost"``.
    settings
        What differs from the defaults of the model's configuration.
    """

    name: str
    settings: dict[str, Any] = attrs.field(factory=dict)

    @classmethod
    def parse(cls, text: str) -> MetaModelChoice:
        """Read ``NAME`` or ``{"name": NAME, SETTING: VALUE, ...}``.

        Raises
        ------
        ConfigError
            If it is neither.
        """
        text = text.strip()
        if not text.startswith("{"):
            if not text:
                raise ConfigError("no meta-model is named", hint="--model xgboost")
            return cls(name=text)
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"--model is no JSON: {error}", hint='{"name": "xgboost", "max_depth": 6}') from error
        name = values.pop("name", None)
        if not isinstance(name, str) or not name:
            raise ConfigError("the JSON of --model has no name", hint='{"name": "xgboost", "max_depth": 6}')
        return cls(name=name, settings=values)

    def open(self, host: PluginHost) -> MetaModel:
        """Make a model that is not fitted.

        Raises
        ------
        PluginNotFoundError, PluginLoadError
            If no loaded plugin has it; the nearest name is in the hint.
        ConfigError
            If a setting is unknown or makes no sense.
        MissingDependencyError
            If a package that it needs is not installed.
        ContractError
            If what the plugin makes is no meta-model.
        """
        spec = host.meta_model(self.name)
        model = load_object(spec.factory)(self._structured(host))
        missing = [name for name in _METHODS if not callable(getattr(model, name, None))]
        if missing:
            raise ContractError(f"meta-model {self.name!r} is {type(model).__name__}, which lacks {', '.join(missing)}")
        return model  # type: ignore[no-any-return]

    def streaming(self, host: PluginHost) -> MetaModelChoice:
        """Return the same model, told to keep no rows in memory: ``memory_gib`` is 0 where it is a setting not given.

        Raises
        ------
        ConfigError
            If the model holds all rows in memory; the hint names those that do not.
        """
        spec = host.meta_model(self.name)
        if not spec.out_of_core:
            others = sorted(name for name, other in host.meta_models().items() if other.out_of_core)
            raise ConfigError(
                f"meta-model {self.name} holds all rows in memory, so they cannot be streamed from disk",
                hint=f"leave --incremental out, or take --model {' or '.join(others)}"
                if others
                else "leave --incremental out",
            )
        names = () if spec.config_cls is None else (field.name for field in attrs.fields(spec.config_cls))
        if MEMORY not in names:
            return self
        return attrs.evolve(self, settings={MEMORY: 0, **self.settings})

    def resolved(self, host: PluginHost) -> dict[str, Any]:
        """Return all settings, those that were not given too, JSON-able."""
        config = self._structured(host)
        values: dict[str, Any] = {} if config is None else cattrs.Converter().unstructure(config)
        return json.loads(json.dumps(values))  # type: ignore[no-any-return]

    def provider(self, host: PluginHost) -> str:
        """Distribution and version of the plugin that provides the model."""
        record = host.provider("meta_models", self.name)
        return f"{record.distribution or record.name} {record.version or ''}".strip()

    def _structured(self, host: PluginHost) -> Any:
        spec = host.meta_model(self.name)
        settings: Mapping[str, Any] = self.settings
        if spec.config_cls is not None:
            return structure(settings, spec.config_cls, where=f"settings of meta-model {self.name}")
        if settings:
            raise ConfigError(f"meta-model {self.name} has no settings, but was given {', '.join(sorted(settings))}")
        return None
