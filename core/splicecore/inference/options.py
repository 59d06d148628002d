"""Options of a run that contradict its inference mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from splicecore.config import RunConfig

__all__ = ["check_inference"]


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
        given = {
            "meta_model": config.meta_model,
            "training_dataset": config.training_dataset,
            "target_meta_rate": config.target_meta_rate,
        }
        for name, value in given.items():
            if value is not None:
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
    if config.target_meta_rate is not None and config.inference_mode == "meta_only":
        raise ConfigError(
            "target_meta_rate is given, but inference mode meta_only recalibrates every position",
            hint="--inference-mode hybrid, or leave it out",
        )
    if config.target_meta_rate is not None and config.shard is not None:
        raise ConfigError(
            "a shard alone does not know the threshold that gives the target rate over the whole run",
            hint="select by thresholds: --uncertainty-low and --uncertainty-high; or leave out --shard",
        )
