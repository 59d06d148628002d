"""The command ``splicecore-http-serve``."""

from __future__ import annotations

import json
from typing import Any

import click
from splicecore.api import ConfigError, SplicecoreError

__all__ = ["main"]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="splicecore-http")
@click.option("--base-model", required=True, help="Base model to serve, as splicecore models lists it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--models-dir", default=None, help="Folder of the weights.")
@click.option("--model-option", "model_options", multiple=True, metavar="KEY=VALUE", help="Setting of the model.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:N or mps.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of the model.")
def main(
    *,
    base_model: str,
    host: str,
    port: int,
    models_dir: str | None,
    model_options: tuple[str, ...],
    device: str,
    threads: int,
) -> None:
    """Serve an installed base model over HTTP until Ctrl-C. Nobody is asked for a password."""
    from splicecore.api import Session

    from splicecore_http.server import ModelServer

    try:
        session = Session(models={base_model: _settings(model_options)})
        model = session.open_base_model(base_model, models_dir=models_dir, device=device, threads=threads)
        with model, ModelServer(model, host, port) as server:
            click.echo(f"{base_model} {model.fingerprint[:12]} is served at {server.url} (Ctrl-C ends it)")
            server.serve_forever()
    except KeyboardInterrupt:
        click.echo("ended", err=True)
    except SplicecoreError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(int(error.exit_code)) from error
    except OSError as error:
        click.echo(f"Error: cannot listen on {host}:{port}: {error.strerror or error}", err=True)
        raise SystemExit(2) from error


def _settings(options: tuple[str, ...]) -> dict[str, Any]:
    """Read KEY=VALUE; a value that is JSON is taken as JSON, any other as a string."""
    settings: dict[str, Any] = {}
    for option in options:
        key, separator, text = option.partition("=")
        if not separator or not key:
            raise ConfigError(f"--model-option {option!r} is not KEY=VALUE")
        try:
            settings[key] = json.loads(text)
        except ValueError:
            settings[key] = text
    return settings
