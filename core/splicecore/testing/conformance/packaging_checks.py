"""Checks of a plugin as it is installed: entry point, metadata, contents; and running them without pytest."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

import attrs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from splicecore import __version__
from splicecore.plugins.hookspecs import PROJECT
from splicecore.plugins.records import PluginRecord, PluginState
from splicecore.testing.conformance.case import expect, skip
from splicecore.testing.conformance.checks import CheckResult, run_checks
from splicecore.testing.conformance.isolation import FRAMEWORKS, in_new_process

__all__ = ["PACKAGING_CHECKS", "PackagingCheck", "PluginCase", "run_packaging_checks"]

_NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")
_WEIGHTS = {".bin", ".ckpt", ".h5", ".hdf5", ".keras", ".onnx", ".pb", ".pt", ".pth", ".safetensors"}
_LARGEST = 20_000_000
_PUBLIC = ("splicecore.api", "splicecore.testing")


@attrs.frozen(kw_only=True)
class PluginCase:
    """A plugin under test.

    Attributes
    ----------
    record
        What the plugin host knows of it.
    problems
        The host's lines about what is wrong; those that name the plugin count.
    """

    record: PluginRecord
    problems: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Dotted name of the module that the entry point names."""
        return self.record.entry_point.partition(":")[0]

    def metadata(self) -> metadata.PackageMetadata:
        """Metadata of its distribution; skips the check if it has none."""
        if self.record.distribution is None:
            skip("the plugin has no distribution: it was registered as a module")
        return metadata.metadata(self.record.distribution)

    def sources(self) -> list[Path]:
        """Find the files of its package, or its one module; skips the check if they cannot be found."""
        found = importlib.util.find_spec(self.module.partition(".")[0])
        if found is None or found.origin is None:
            skip(f"the files of {self.module} cannot be found")
        if found.submodule_search_locations is None:
            return [Path(found.origin)]
        folders = [Path(folder) for folder in found.submodule_search_locations]
        return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


PackagingCheck: TypeAlias = Callable[[PluginCase], None]
"""Returns if the plugin conforms, raises ConformanceFailure or CheckSkipped; any other exception is a failure too."""


def check_loading(case: PluginCase) -> None:
    """Check that the plugin is loaded, and that no other plugin provides one of its names.

    Remedy: splicecore plugins show NAME --traceback tells the cause; choose names that nobody else has.
    """
    record = case.record
    expect(record.state is PluginState.LOADED, f"it is {record.state}: {record.error}")
    expect(any(record.provides.values()), "it provides nothing")
    mine = [line for line in case.problems if record.title in line]
    expect(not mine, "; ".join(mine))


def check_names(case: PluginCase) -> None:
    """Check that the names of entry point, distribution and package can stand beside others.

    Remedy: name the entry point in lower case and the package splicecore_..., after no other distribution's package.
    """
    name = case.record.name
    expect(_NAME.fullmatch(name), f"the entry point {name!r} is not lower-case letters and digits, joined by - _ .")
    package = case.module.partition(".")[0]
    expect(package != PROJECT or case.record.distribution == PROJECT, f"the package {package} is the core's own")
    own = canonicalize_name(str(case.metadata()["Name"]))
    owners = {canonicalize_name(each) for each in metadata.packages_distributions().get(package, ())}
    expect(not owners - {own}, f"the package {package} belongs to {', '.join(sorted(owners - {own}))} too")


def check_entry_point(case: PluginCase) -> None:
    """Check that importing the entry point's module imports no machine-learning framework.

    Remedy: import frameworks in the module that a factory names, not in the one that the entry point names.
    """
    heavy = in_new_process("imported_frameworks", case.module, FRAMEWORKS)
    expect(not heavy, f"importing {case.module} imports {', '.join(heavy)}")


def check_metadata(case: PluginCase) -> None:
    """Check that the distribution's metadata has a licence and a summary.

    Remedy: set license and description in pyproject.toml.
    """
    found = case.metadata()
    values = [value for field in ("License-Expression", "License") for value in found.get_all(field) or ()]
    values += [line for line in found.get_all("Classifier") or () if line.startswith("License ::")]
    expect(set(values) - {"", "UNKNOWN"}, "the metadata has no licence")
    expect(set(found.get_all("Summary") or ()) - {"", "UNKNOWN"}, "the metadata has no summary")


def check_requirement(case: PluginCase) -> None:
    """Check that the distribution requires a range of splicecore that includes this version and ends somewhere.

    Remedy: write dependencies = ["splicecore>=MAJOR.MINOR,<NEXT"] in pyproject.toml.
    """
    case.metadata()
    if case.record.distribution == PROJECT:
        skip("the core's own plugin")
    expect(case.record.requires, "the distribution does not require splicecore")
    for line in case.record.requires:
        specifier = Requirement(line).specifier
        operators = {each.operator for each in specifier}
        expect(operators & {">=", ">", "~=", "=="}, f"{line!r} has no lower bound")
        expect(operators & {"<", "<=", "~=", "=="}, f"{line!r} has no upper bound: a later API may differ")
        expect(specifier.contains(__version__, prereleases=True), f"{line!r} excludes this version, {__version__}")


def check_contents(case: PluginCase) -> None:
    """Check that no network's weights and no file of over 20 MB are part of the package.

    Remedy: let a resource finder fetch weights or say where users get them; their licence is not the code's.
    """
    for path in case.sources():
        expect(path.suffix not in _WEIGHTS, f"{path.name} looks like weights")
        size = path.stat().st_size
        expect(size <= _LARGEST, f"{path.name} has {size / 1e6:.0f} MB")


def check_imports(case: PluginCase) -> None:
    """Check that the package imports from splicecore.api alone, which is what stays compatible.

    Remedy: import from splicecore.api; ask for what it lacks.
    """
    if case.record.distribution == PROJECT:
        skip("the core's own plugin")
    private: dict[str, list[str]] = {}
    for path in case.sources():
        if path.suffix == ".py":
            found = sorted(set(_private_imports(path.read_text(encoding="utf-8"))))
            private |= {path.name: found} if found else {}
    named = "; ".join(f"{name} imports {', '.join(modules)}" for name, modules in sorted(private.items()))
    expect(not private, f"{named}, which may change in any release")


PACKAGING_CHECKS: tuple[PackagingCheck, ...] = (
    check_loading,
    check_names,
    check_entry_point,
    check_metadata,
    check_requirement,
    check_contents,
    check_imports,
)
"""All of them, in the order in which they are best read."""


def run_packaging_checks(case: PluginCase) -> Iterator[CheckResult]:
    """Run every check on a plugin, one by one, whatever the others say."""
    return run_checks(PACKAGING_CHECKS, case)


def _private_imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            base = node.module
            names = [f"{base}.{alias.name}" for alias in node.names] if base == PROJECT else [base]
        else:
            continue
        inside = [name for name in names if name == PROJECT or name.startswith(f"{PROJECT}.")]
        yield from (name for name in inside if not any(f"{name}.".startswith(f"{each}.") for each in _PUBLIC)
                    and name not in {PROJECT, f"{PROJECT}.__version__"})  # fmt: skip
