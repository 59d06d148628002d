"""The workplace: plugins and folders, what there is in them, and how base models and meta-models are opened."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.config import PassConfig, RunConfig, structure
from splicecore.errors import ConfigError, ResourceNotFoundError
from splicecore.isolation.environments import isolation_of
from splicecore.options import given_options
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.plugins.specs import BaseModelSpec, OpenRequest, ResourceLocation, ResourceRequest
from splicecore.resources.finders import default_data_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.inference.scorer import MetaScorer
    from splicecore.isolation.client import Description
    from splicecore.plugins.protocols import BaseModel
    from splicecore.resources.model_validation import ModelValidation
    from splicecore.resources.models import ModelDescription
    from splicecore.resources.registry import Registry

__all__ = ["Workplace"]


class Workplace:
    """Plugins and folders; parameters are those of :class:`~splicecore.session.Session`, which does the work too."""

    def __init__(
        self,
        *,
        plugins: PluginSettings | None = None,
        data_root: str | Path | None = None,
        cache_dir: str | Path | None = None,
        models: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.host = PluginHost.discover(plugins)
        self.data_root = Path(data_root) if data_root is not None else default_data_root()
        self.cache_dir = Path(cache_dir) if cache_dir is not None else default_cache_dir()
        self.models = models or {}
        self._registry: Registry | None = None
        self._described: dict[tuple[str, str], Description] = {}
        self._temporary: list[tempfile.TemporaryDirectory[str]] = []

    @property
    def resources(self) -> Registry:
        """The genomic resources below the data root, and of whoever else provides some."""
        if self._registry is None:
            from splicecore.resources.registry import Registry

            self._registry = Registry(self.host, self.data_root, self.cache_dir)
        return self._registry

    def temporary_folder(self) -> Path:
        """Make a folder that lives as long as the session."""
        self._temporary.append(tempfile.TemporaryDirectory(prefix="splicecore-"))
        return Path(self._temporary[-1].name)

    def base_models(self) -> dict[str, BaseModelSpec]:
        """Descriptors of the base models that the loaded plugins provide, by name."""
        return self.host.base_models()

    def open_request(self, config: PassConfig) -> tuple[BaseModelSpec, OpenRequest, ResourceLocation | None]:
        """Find what opening ``config.base_model`` takes.

        Returns
        -------
        The descriptor, the request to open it with, and where its weights are (None if it needs none).

        Raises
        ------
        PluginNotFoundError, PluginLoadError
            If no loaded plugin has the model.
        ResourceNotFoundError
            If its weights are nowhere.
        ConfigError
            If it has no such engine.
        """
        name = config.base_model
        isolation, settings = isolation_of(name, config.base_model_env, self.models.get(name, {}))
        there = isolation.interpreter
        spec = self.host.base_model(name) if there is None else self.describe_isolated(name, there).spec
        if config.engine is not None and config.engine not in spec.engines:
            raise ConfigError(
                f"base model {spec.name} has no engine {config.engine!r}", hint=f"one of {', '.join(spec.engines)}"
            )
        location = None
        if spec.weights or config.models_dir is not None:
            wanted = ResourceRequest(
                kind="weights",
                name=spec.name,
                files=spec.weights,
                explicit=config.models_dir,
                data_root=str(self.data_root),
            )
            location = self._find_weights(wanted, there)
        request = OpenRequest(
            weights=location.path if location is not None else None,
            engine=config.engine or spec.engines[0],
            device=config.device,
            threads=config.threads_per_worker,
            config=settings,
            interpreter=there,
            timeout=isolation.timeout,
        )
        return spec, request, location

    def describe_isolated(self, name: str, interpreter: str) -> Description:
        """Return a base model as the environment of another interpreter has it; it is asked once.

        Raises
        ------
        PluginError
            If splicecore is not installed there or is of another version.
        PluginNotFoundError, PluginLoadError
            If no plugin that is loaded there has the model.
        """
        from splicecore.isolation.client import describe

        if (name, interpreter) not in self._described:
            self._described[name, interpreter] = describe(name, interpreter, self.host.settings)
        return self._described[name, interpreter]

    def _find_weights(self, wanted: ResourceRequest, interpreter: str | None) -> ResourceLocation:
        """Ask the finders here, then those of the base model's own environment."""
        try:
            return self.host.find_resource(wanted)
        except ResourceNotFoundError:
            if interpreter is None or wanted.explicit is not None:
                raise
        from splicecore.isolation.client import find_weights

        return find_weights(wanted, interpreter, self.host.settings)

    def open_base_model(self, name: str, **options: Any) -> BaseModel:
        """Open a base model by name.

        Parameters
        ----------
        name
            As ``splicecore run --base-model`` takes it.
        **options
            ``models_dir``, ``engine``, ``device``, ``threads``, ``base_model_env`` as in
            :class:`~splicecore.config.RunConfig`.
        """
        spec, request, _ = self.open_request(structure({"base_model": name, **options}, RunConfig, where="options"))
        return self.host.open_base_model(spec, request)

    def open_meta_model(
        self, path: str | Path, *, feature_settings: Mapping[str, Mapping[str, Any]] | None = None
    ) -> MetaScorer:
        """Open a trained meta-model; see :meth:`splicecore.inference.scorer.MetaScorer.open`."""
        from splicecore.inference.scorer import MetaScorer

        return MetaScorer.open(path, self.host, feature_settings=feature_settings or {}, cache=self.cache_dir)

    def describe_model(self, name: str, *, models_dir: str | Path | None = None) -> ModelDescription:
        """Describe a base model without opening it: descriptor, where its weights are, their files and metadata.

        Raises
        ------
        PluginNotFoundError, PluginLoadError
            If no loaded plugin has the model. Weights that are not found are no error: see ``problem``.
        """
        from splicecore.resources.models import describe_model

        return describe_model(self, name, models_dir=None if models_dir is None else str(models_dir))

    def validate_model(
        self,
        name: str,
        fasta: str | Path | None = None,
        annotation: str | Path | None = None,
        *,
        context: int | None = None,
        sites: int = 25,
        **options: Any,
    ) -> ModelValidation:
        """Check that a base model can be used as it is installed, and with a genome that its coordinates are right.

        Parameters
        ----------
        name
            As ``splicecore run --base-model`` takes it.
        fasta, annotation
            Genome and annotation, both or neither, for the zero-offset self-test.
        context
            Bases of context, both sides together, that the model must have.
        sites
            Sites of each strand and type that the self-test scores at most.
        **options
            ``models_dir``, ``engine``, ``device``, ``threads``, ``build`` as in :class:`~splicecore.config.RunConfig`.

        Returns
        -------
        Checks, issues and recommendations. :func:`splicecore.resources.model_validation.validate_model` says what is
        raised.
        """
        from splicecore.resources.model_validation import validate_model

        given = {"base_model": name, "fasta": fasta, "annotation": annotation, **options}
        config = structure(given_options(given), RunConfig, where="options")
        return validate_model(self, config, context=context, sites=sites)


def default_cache_dir() -> Path:
    """``SPLICECORE_CACHE_DIR``, or the platform's folder for caches."""
    import os

    import platformdirs

    chosen = os.environ.get("SPLICECORE_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("splicecore")
