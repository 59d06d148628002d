"""The one hierarchy of errors that splicecore raises for something a user can mend.

Every error says what was wrong, may carry a ``hint`` (what to do), survives pickling (it crosses process boundaries)
and knows the exit code that the command line ends with. Anything else that escapes is a bug.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

__all__ = [
    "AnnotationError",
    "ChecksumError",
    "ConfigError",
    "ContigError",
    "ContractError",
    "ExitCode",
    "FastaError",
    "GeneNotFoundError",
    "InputError",
    "MissingDependencyError",
    "OutputError",
    "PluginError",
    "PluginLoadError",
    "PluginNotFoundError",
    "ResourceError",
    "ResourceNotFoundError",
    "SplicecoreError",
]


class ExitCode(IntEnum):
    """What the process ends with."""

    OK = 0
    BUG = 1
    USAGE = 2
    INPUT = 3
    PLUGIN = 4
    RESOURCE = 5
    PARTIAL = 6
    INTERRUPTED = 130


class SplicecoreError(Exception):
    """Base of all errors with a cause outside the code.

    Parameters
    ----------
    message
        What was wrong and where: it names the file, the line, the record or the option.
    hint
        What to do about it, as one sentence.
    """

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(cls: type[SplicecoreError], message: str, hint: str | None) -> SplicecoreError:
    return cls(message, hint=hint)


class ConfigError(SplicecoreError, ValueError):
    """An option, environment variable or configuration key that makes no sense."""

    exit_code = ExitCode.USAGE


class InputError(SplicecoreError, ValueError):
    """An input file or record that cannot be used as it is."""

    exit_code = ExitCode.INPUT


class FastaError(InputError):
    """A reference genome that is missing, truncated, not indexable or inconsistent with its index."""


class AnnotationError(InputError):
    """An annotation that is missing, malformed or inconsistent; names the file and the line."""


class ContigError(InputError, LookupError):
    """A contig that is not in the reference, or a set of contigs that contradicts the declared build."""


class GeneNotFoundError(InputError, LookupError):
    """A gene that the annotation does not have."""


class PluginError(SplicecoreError):
    """A plugin that is needed cannot be used or breaks its contract."""

    exit_code = ExitCode.PLUGIN


class PluginNotFoundError(PluginError, LookupError):
    """No installed plugin provides what was asked for by name."""


class PluginLoadError(PluginError):
    """A plugin that is needed is disabled, incompatible, shadowed or failed to load."""


class MissingDependencyError(PluginError, ImportError):
    """A plugin needs a package that is not installed."""


class ContractError(PluginError):
    """A plugin returned something that its contract forbids (shape, dtype, range)."""


class ResourceError(SplicecoreError):
    """A resource (weights, genome, cache) cannot be had or is damaged."""

    exit_code = ExitCode.RESOURCE


class ResourceNotFoundError(ResourceError, FileNotFoundError):
    """A resource is in none of the places that were searched; the message lists them."""


class ChecksumError(ResourceError):
    """A file does not have the content that its manifest or checksum promises."""


class OutputError(ResourceError, OSError):
    """Results cannot be written: folder not writable, in use, disk full, or holding somebody else's results."""

    def __str__(self) -> str:
        return SplicecoreError.__str__(self)
