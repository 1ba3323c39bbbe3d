"""Imports run one way, and the light entrances stay light."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY


def test_imports_run_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_importing_iolaus_imports_nothing_else() -> None:
    assert _modules_after("import iolaus") - _modules_after("pass") == {"iolaus"}


def test_help_and_mistakes_wait_for_no_torch() -> None:
    assert not {"torch", "lightning"} & _modules_after("import iolaus.cli.train, iolaus.cli.verbs")
