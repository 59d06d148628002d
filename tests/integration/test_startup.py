"""Starting is light: nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"numpy", "pyarrow", "pysam", "torch", "tensorflow", "xgboost", "sklearn", "matplotlib", "pandas", "h5py"}


def modules_after(code: str) -> set[str]:
    script = f"import sys, json\n{code}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_splicecore_imports_nothing_heavy():
    assert not modules_after("import splicecore") & (HEAVY | {"attrs", "click", "rich"})


def test_the_public_interface_imports_no_framework_and_no_genome_library():
    assert not modules_after("import splicecore.api") & (HEAVY - {"numpy"})


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "from splicecore.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert end.code == 0, end.code"
    )
    modules = modules_after(code)
    assert not modules & (HEAVY | {"rich", "cattrs"})
    assert not [name for name in modules if name.startswith("splicecore_")], "help loads no plugin"


def test_help_of_a_command_imports_nothing_heavy():
    code = (
        "from splicecore.cli.main import _COMMANDS, main\n"
        "for command in _COMMANDS:\n"
        "    try:\n"
        "        main([command, '--help'])\n"
        "    except SystemExit as end:\n"
        "        assert end.code == 0, command\n"
        f"    found = {HEAVY!r}.intersection(sys.modules)\n"
        "    assert not found, (command, found)"
    )
    script = f"import sys\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_listing_plugins_imports_no_framework():
    code = (
        "from splicecore.cli.main import main\n"
        "try:\n    main(['plugins', 'list', '--json'])\nexcept SystemExit as end:\n    assert end.code == 0, end.code"
    )
    assert not modules_after(code) & {"torch", "tensorflow", "xgboost", "sklearn", "pysam", "h5py"}


def test_every_command_has_help_and_is_listed():
    from click.testing import CliRunner
    from splicecore.cli.main import _COMMANDS, cli

    listing = CliRunner().invoke(cli, ["--help"]).output
    for name, (_, summary) in _COMMANDS.items():
        assert f"{name} " in listing
        assert " ".join(summary.split()[:3]) in " ".join(listing.split())
        result = CliRunner().invoke(cli, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert "Usage:" in result.output


def test_a_reader_that_has_enough_is_no_failure():
    command = [sys.executable, "-m", "splicecore", "models", "list", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in process.stderr.read()
