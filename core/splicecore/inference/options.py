"""Options of a run that contradict its inference mode."""

from __future__ import annotations

import math

from splicecore.config import RunConfig
from splicecore.errors import ConfigError

__all__ = ["check_inference"]

_OF_META_MODELS = (
    "meta_model",
    "training_dataset",
    "uncertainty_strategy",
    "uncertainty_low",
    "uncertainty_high",
    "uncertainty_settings",
    "uncertainty_threshold",
    "target_meta_rate",
)


def check_inference(config: RunConfig) -> None:
    """Refuse options that contradict the inference mode.

    Raises
    ------
    ConfigError
        Naming the option and the remedy.
    """
    if config.keep_artifacts_dir is not None and not config.reuse:
        raise ConfigError("keep_artifacts_dir is given, but nothing may be reused", hint="leave out --no-reuse")
    if config.inference_mode == "base_only":
        plain = RunConfig()
        for name in _OF_META_MODELS:
            if getattr(config, name) != getattr(plain, name):
                raise ConfigError(
                    f"{name} is given, but inference mode base_only takes the base model's scores as they are",
                    hint="--inference-mode hybrid or meta_only, or leave it out",
                )
        return
    if config.meta_model is None:
        raise ConfigError(
            f"inference mode {config.inference_mode} needs a meta-model",
            hint="--meta-model FOLDER of a model that `splicecore train` wrote",
        )
    _check_selection(config)


def _check_selection(config: RunConfig) -> None:
    """Refuse ways to select positions that contradict each other, or that one shard cannot go."""
    if config.target_meta_rate is not None and config.inference_mode == "meta_only":
        raise ConfigError(
            "target_meta_rate is given, but inference mode meta_only recalibrates every position",
            hint="--inference-mode hybrid, or leave it out",
        )
    if config.target_meta_rate is not None and config.shard is not None:
        raise ConfigError(
            "a shard alone does not know the threshold that gives the target rate over the whole run",
            hint="give all shards the threshold that a run of some genes found: --uncertainty-threshold",
        )
    if config.uncertainty_threshold is not None:
        if config.target_meta_rate is not None:
            raise ConfigError("uncertainty_threshold and target_meta_rate are both given", hint="leave one of them out")
        if not 0 < config.uncertainty_threshold < math.inf:
            raise ConfigError(f"uncertainty_threshold is {config.uncertainty_threshold:g}; it must be above 0")
