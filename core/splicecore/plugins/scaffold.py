"""Render a new plugin package: complete, tested and conforming before its author writes a line."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from importlib import resources
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs
from packaging.version import Version

from splicecore import __version__
from splicecore.artifacts.store import make_folder, write_text
from splicecore.errors import ConfigError, OutputError
from splicecore.plugins.catalog import KINDS
from splicecore.plugins.hookspecs import ENTRY_POINT_GROUP
from splicecore.plugins.host import PluginHost

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["NewPlugin", "PluginKind", "new_plugin"]

LONGEST_NAME = 30
"""Characters; longer names do not fit the lines of the templates."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_AUTHOR = re.compile(r"(?P<name>[^<>]*[^<>\s])\s*<(?P<email>[^<>@\s]+@[^<>@\s]+)>")
_ENDING = ".tmpl"


class PluginKind(StrEnum):
    """What a new plugin provides."""

    BASE_MODEL = "base-model"
    FEATURE_SET = "feature-set"
    META_MODEL = "meta-model"


_COMMON = {
    "pyproject.toml": "pyproject.toml",
    "LICENSE": "LICENSE",
    ".gitignore": "gitignore",
    ".github/workflows/ci.yml": "ci.yml",
    "src/{package}/__init__.py": "init.py",
    "src/{package}/py.typed": "py.typed",
}

_OWN = {
    "README.md": "README.md",
    "src/{package}/plugin.py": "plugin.py",
    "tests/test_plugin.py": "test_plugin.py",
}

_FILES: Mapping[PluginKind, Mapping[str, str]] = MappingProxyType(
    {
        PluginKind.BASE_MODEL: {
            **_OWN,
            "src/{package}/data/weights.json": "weights.json",
            "src/{package}/finder.py": "finder.py",
            "src/{package}/model.py": "model.py",
        },
        PluginKind.FEATURE_SET: {
            **_OWN,
            "src/{package}/config.py": "config.py",
            "src/{package}/features.py": "features.py",
        },
        PluginKind.META_MODEL: {
            **_OWN,
            "src/{package}/config.py": "config.py",
            "src/{package}/model.py": "model.py",
        },
    }
)
"""Path of each file beside the common ones -> its template in the folder of the kind."""

_SUMMARIES: Mapping[PluginKind, str] = MappingProxyType(
    {
        PluginKind.BASE_MODEL: "Position weight matrices of splice sites",
        PluginKind.FEATURE_SET: "Pyrimidines upstream, and likeness to a donor",
        PluginKind.META_MODEL: "Gaussian naive Bayes on the features",
    }
)


@attrs.frozen(kw_only=True)
class NewPlugin:
    """A package that was written.

    Attributes
    ----------
    name
        Of the plugin and of what it provides.
    kind
        What it provides.
    distribution, package
        What pip installs and Python imports.
    folder
        Where it was written to.
    files
        Paths of its files, relative to the folder, sorted.
    """

    name: str
    kind: PluginKind
    distribution: str
    package: str
    folder: Path
    files: tuple[str, ...]


def new_plugin(
    name: str,
    *,
    kind: PluginKind | str,
    folder: str | os.PathLike[str] | None = None,
    author: str | None = None,
    host: PluginHost | None = None,
) -> NewPlugin:
    """Write a plugin package that conforms, is typed and tested, and computes something small and documented.

    Parameters
    ----------
    name
        Of the plugin, and of the base model, feature set or meta-model that it provides: lower-case letters and digits
        joined by ``-``. The distribution is ``splicecore-<name>``.
    kind
        What it provides.
    folder
        Where to; must not exist, or be empty. By default ``splicecore-<name>`` in the current folder.
    author
        Of the package and holder of its licence, ``"Name"`` or ``"Name <address>"``.
    host
        Whose plugins' names are taken; by default the installed ones'.

    Raises
    ------
    ConfigError
        If the name is not valid or taken, the kind unknown, or the author empty or more than one line.
    OutputError
        If the folder holds something, or cannot be written.
    """
    kind = _kind(kind)
    _check_name(name, kind, PluginHost.discover() if host is None else host)
    distribution, package = f"splicecore-{name}", f"splicecore_{name.replace('-', '_')}"
    target = Path(distribution if folder is None else folder)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise OutputError(f"{target} exists already", hint="name another folder with --dir")
    values = _values(name, kind, author, distribution, package)
    common = {path: ("common", template) for path, template in _COMMON.items()}
    own = {path: (kind.value.replace("-", "_"), template) for path, template in _FILES[kind].items()}
    texts = {path.format(package=package): _render(*where, values) for path, where in {**common, **own}.items()}
    for path, text in sorted(texts.items()):
        make_folder((target / path).parent)
        write_text(target / path, text)
    return NewPlugin(
        name=name, kind=kind, distribution=distribution, package=package, folder=target, files=tuple(sorted(texts))
    )


def _kind(kind: str) -> PluginKind:
    try:
        return PluginKind(kind)
    except ValueError:
        raise ConfigError(f"there is no kind {kind!r} of new plugin", hint=f"choose {', '.join(PluginKind)}") from None


def _check_name(name: str, kind: PluginKind, host: PluginHost) -> None:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"{name!r} is not a name for a plugin",
            hint=f"lower-case letters and digits, joined by '-', at most {LONGEST_NAME} characters",
        )
    if name == "splicecore" or name.startswith("splicecore-"):
        raise ConfigError(f"{name!r} begins with splicecore", hint="the distribution is called splicecore-NAME anyway")
    noun = KINDS[f"{kind.replace('-', '_')}s"].noun
    taken = [record.title for record in host.records if record.name == name]
    taken += [f"{noun} {name!r}"] if name in getattr(host, f"{kind.replace('-', '_')}s")() else []
    if taken:
        raise ConfigError(f"the name {name!r} is taken by {taken[0]}", hint="choose another one")


def _values(name: str, kind: PluginKind, author: str | None, distribution: str, package: str) -> dict[str, str]:
    who = f"The {distribution} authors" if author is None else author.strip()
    if not who or not who.isprintable():
        raise ConfigError(f"the author {author!r} is empty or more than one line")
    parts = _AUTHOR.fullmatch(who)
    fields = parts.groupdict() if parts else {"name": who}
    summary = _SUMMARIES[kind]
    return {
        "name": name,
        "prefix": name.replace("-", "_"),
        "title": "".join(part[:1].upper() + part[1:] for part in name.split("-")),
        "distribution": distribution,
        "package": package,
        "group": ENTRY_POINT_GROUP,
        "core_range": core_range(),
        "more_dependencies": "" if kind is PluginKind.BASE_MODEL else _more_dependencies(kind),
        "author": fields["name"],
        "author_toml": f"{{ {', '.join(f'{key} = {_quoted(value)}' for key, value in fields.items())} }}",
        "summary": summary,
        "summary_lower": summary[0].lower() + summary[1:],
    }


def _more_dependencies(kind: PluginKind) -> str:
    return ', "attrs>=23.2"' + (', "pyarrow>=17"' if kind is PluginKind.FEATURE_SET else "")


def core_range(version: str = __version__) -> str:
    """Return the versions of the core that a plugin written for ``version`` works with, as a requirement has them.

    Up to the next major version, and before 1.0 up to the next minor one: what semantic versioning promises.
    """
    release = Version(version)
    following = f"{release.major + 1}" if release.major else f"0.{release.minor + 1}"
    return f">={release.major}.{release.minor},<{following}"


def _quoted(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False)


def _render(folder: str, name: str, values: Mapping[str, str]) -> str:
    template = resources.files("splicecore.plugins") / "templates" / folder / f"{name}{_ENDING}"
    return Template(template.read_text(encoding="utf-8")).substitute(values)
