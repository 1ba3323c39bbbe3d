"""Imports run one way, and the light entrances stay light."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


def test_imports_run_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


def _modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_importing_iolaus_imports_nothing_else() -> None:
    assert _modules_after("import iolaus") - _modules_after("pass") == {"iolaus"}


@pytest.mark.parametrize("overrides", [["model.dim=8,16"], ["sweep.resume=."]], ids=str)
def test_a_sweep_starts_the_process_of_its_trials_before_it_imports_torch_itself(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text("overrides: ['model.dim=8,16']\n")
    statement = (
        "from iolaus.cli import settle\n"
        "from iolaus.sweep.engines import local\n"
        "local.warm_up = sys.exit\n"
        f"try: settle.settle_sweep({overrides})\n"
        "except SystemExit as left: assert left.code is None\n"
        "else: assert False"
    )
    assert not {"torch", "optuna"} & _modules_after(statement)


@pytest.mark.parametrize(
    "overrides",
    [["model=mlp"], ["seed=range(0,1000000000)"], ["model.dim=8,16", "sweep.dir=used"],
     ["model.dim=8,16", "sweep.storage=nowhere/journal.log"]],
    ids=str,
)  # fmt: skip
def test_what_a_sweep_cannot_be_is_said_before_torch(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "used" / "sweep.yaml").mkdir(parents=True)
    statement = (
        "from iolaus.cli import settle\n"
        "from iolaus.sweep.engines import local\n"
        "local.warm_up = bool\n"
        f"try: settle.settle_sweep({overrides})\n"
        "except SystemExit as left: assert left.code == 2\n"
        "else: assert False"
    )
    assert "torch" not in _modules_after(statement)


def test_help_and_mistakes_wait_for_no_torch() -> None:
    assert not {"torch", "lightning"} & _modules_after("import iolaus.cli.train, iolaus.cli.verbs")
