"""Run the examples of a page and compare, or write anew, what the page says that they print.

python docs/tools/examples.py [tutorial/first_run.md ...]      # runs pages' examples and writes their output into them

Every fenced block whose language is ``console`` or ``python`` is run, in order, in one empty folder, the Python blocks
in one namespace. A command begins with ``$``, goes on after a backslash, and is followed by what it writes to stdout; a
Python block by a block ``text`` with what it prints. A line ``...`` stands for any lines. A block after the comment
``<!-- not run -->`` is left alone.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAGES", "Example", "Place", "examples", "run_example", "same_output"]

DOCS = Path(__file__).parents[1]
PAGES: dict[str, tuple[str, ...]] = {
    "tutorial/first_run.md": ("consensus", "xgb-meta"),
    "howto/embedding.md": ("consensus", "xgb-meta"),
    "howto/base_model_pass.md": ("consensus",),
    "concepts/coordinates.md": (),
    "concepts/prevalence.md": (),
    "plugins/index.md": (),
}
"""Pages whose examples run: path below docs -> the plugins that they need."""

_BLOCK = re.compile(
    r"(?P<skip><!-- not run -->\n)?^```(?P<language>console|python)\n(?P<code>.*?)^```$"
    r"(?:\n\n?```text\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(r"^\$ (?P<line>(?:[^\n]*\\\n)*[^\n]*)\n(?P<output>(?:(?!\$ )[^\n]*\n)*)", re.MULTILINE)
_DECIMAL = re.compile(r"[+-]?\d+\.\d+(e[+-]\d+)?%?")


@attrs.frozen
class Example:
    """One command or one Python block.

    Attributes
    ----------
    language
        ``console`` or ``python``.
    code
        What is run.
    output
        What the page says that it prints; None where the page does not say.
    line
        Where it is in the page, from 1.
    span
        Where its output is in the page's text, as characters from and to.
    """

    language: str
    code: str
    output: str | None
    line: int
    span: tuple[int, int]


@attrs.frozen
class Place:
    """Where examples run: a folder and the environment of commands."""

    folder: Path
    environment: dict[str, str]
    names: dict[str, Any] = attrs.field(factory=dict)

    @classmethod
    def make(cls, folder: Path, plugins: str) -> Place:
        """Make a place in an empty folder that sees nothing of the user's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SPLICECORE_")}
        own = {
            "SPLICECORE_CACHE_DIR": str(folder / ".cache"),
            "SPLICECORE_DATA_ROOT": str(folder / "data"),
            "SPLICECORE_LOAD_PLUGINS": plugins,
            "XDG_STATE_HOME": str(folder / ".state"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "COLUMNS": "120",
        }
        return cls(folder, {**kept, **own}, {"__name__": "__example__"})


def examples(page: str) -> Iterator[Example]:
    """Find the examples of a page's text, in order."""
    for block in _BLOCK.finditer(page):
        if block["skip"]:
            continue
        if block["language"] == "python":
            line = page.count("\n", 0, block.start("code")) + 1
            yield Example("python", block["code"], block["output"], line, block.span("output"))
            continue
        for command in _COMMAND.finditer(block["code"]):
            start = block.start("code")
            span = (start + command.start("output"), start + command.end("output"))
            line = page.count("\n", 0, start + command.start()) + 1
            yield Example("console", command["line"], command["output"], line, span)


def run_example(example: Example, place: Place) -> str:
    """Run one example and return what it prints.

    Raises
    ------
    RuntimeError
        If a command ends with another exit code than 0. What Python code raises is not caught.
    """
    if example.language == "python":
        printed = io.StringIO()
        with contextlib.chdir(place.folder), _environment(place.environment), contextlib.redirect_stdout(printed):
            exec(compile(example.code, f"example on line {example.line}", "exec"), place.names)
        return printed.getvalue()
    command = ["bash", "-c", example.code]
    done = subprocess.run(command, cwd=place.folder, env=place.environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"line {example.line}: {example.code}\nended with {done.returncode}\n{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def same_output(said: str, found: str) -> bool:
    """Compare what a page says with what was printed.

    A line ``...`` stands for any lines. Numbers with a decimal point may differ by 2 %, or by 0.01: they depend on the
    processor. All else is compared exactly, but for the number of blanks between words.
    """
    return _same_lines(said.rstrip("\n").splitlines(), found.rstrip("\n").splitlines())


def _same_lines(said: list[str], found: list[str]) -> bool:
    if not said:
        return not found
    if said[0].strip() == "...":
        return any(_same_lines(said[1:], found[skipped:]) for skipped in range(len(found) + 1))
    return bool(found) and _same_words(said[0].split(), found[0].split()) and _same_lines(said[1:], found[1:])


def _same_words(said: list[str], found: list[str]) -> bool:
    return len(said) == len(found) and all(map(_same_word, said, found))


def _same_word(said: str, found: str) -> bool:
    if said == found:
        return True
    numbers = [_DECIMAL.findall(word) and [match[0] for match in _DECIMAL.finditer(word)] for word in (said, found)]
    if _DECIMAL.sub("#", said) != _DECIMAL.sub("#", found):
        return False
    pairs = zip(*numbers, strict=True)
    return all(_near(float(one.rstrip("%")), float(other.rstrip("%"))) for one, other in pairs)


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= max(0.01, 0.02 * abs(one))


def _write_anew(name: str) -> None:
    path = DOCS / name
    page = path.read_text(encoding="utf-8")
    replaced: list[tuple[tuple[int, int], str]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Place.make(Path(folder), ",".join(PAGES[name]))
        for example in examples(page):
            found = run_example(example, place)
            print(f"{name}, line {example.line}: done", flush=True)
            if example.output is None or same_output(example.output, found):
                continue
            if "..." in example.output.split():
                print(f"mend by hand:\n{found}")
            else:
                replaced.append((example.span, found))
    for (start, end), text in reversed(replaced):
        page = page[:start] + text + page[end:]
    path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:] or PAGES:
        _write_anew(argument)
