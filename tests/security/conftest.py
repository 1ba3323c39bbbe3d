"""A canary that dies if anything hostile runs, and a finished run for a stranger to tamper with."""

import os
import shutil
from pathlib import Path

import pytest

from tests.forks import Forks


class Canary:
    """A file that every exploit tries to make, and a file that it tries to remove."""

    def __init__(self, folder: Path) -> None:
        self.made, self.precious = folder / "owned", folder / "precious"
        self.precious.write_text("untouched")

    def assert_alive(self) -> None:
        assert not self.made.exists(), "hostile code was executed"
        assert self.precious.read_text() == "untouched"


class Gadget:
    """Unpickling it runs a shell command: the shape of every hostile checkpoint."""

    def __init__(self, canary: Canary) -> None:
        self.command = f"touch {canary.made}; rm -f {canary.precious}"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.fixture
def canary(tmp_path_factory: pytest.TempPathFactory) -> Canary:
    return Canary(tmp_path_factory.mktemp("canary"))


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Path:
    """Tiny, on digits, with one class per line of its summary; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    options = ["trainer.max_epochs=1", "model.dim=8", "+trainer.limit_train_batches=2", "trainer=cpu", "run_dir=run"]
    ended = forks(options, folder)
    assert ended.code == 0, ended.stderr
    return folder / "run"


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of it, as a stranger might send it."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))
