"""``--model-option KEY=VALUE``: a base model's own settings on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["merge_model_options", "model_option"]


def model_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option; it arrives as ``model_options``, a tuple of strings."""
    return click.option(
        "--model-option",
        "model_options",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting of the base model, such as context=400; JSON or plain text; repeatable.",
    )(function)


def merge_model_options(
    models: Mapping[str, dict[str, Any]], base_model: str, options: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Lay options over a base model's settings.

    Parameters
    ----------
    models
        Settings by base model, as in the ``[models.NAME]`` tables of a configuration file. Not modified.
    base_model
        Whose settings the options are.
    options
        ``KEY=VALUE`` each. A value that is JSON is taken as such (``400``, ``true``, ``[10, 11]``), any other as text.

    Raises
    ------
    ConfigError
        If an option is not of this form, or a key comes twice.
    """
    given: dict[str, Any] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                f"--model-option {option!r} is not KEY=VALUE", hint="for example --model-option context=400"
            )
        if key.strip() in given:
            raise ConfigError(f"--model-option {key.strip()} is given twice")
        given[key.strip()] = _value(text.strip())
    return {**models, base_model: {**models.get(base_model, {}), **given}} if given else dict(models)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
