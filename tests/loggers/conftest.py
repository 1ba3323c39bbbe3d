"""One small sweep, recorded by every logger at once, for all tests here to look at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep's folder: two runs of two epochs, which Hydra makes in one process."""
    home = tmp_path_factory.mktemp("recorded")
    overrides = (
        "model=mlp,rnn", "logger=[wandb,tensorboard,mlflow]", "logger.wandb.checkpoints=best",
        "logger.wandb.num_predictions=8", "logger.wandb.tags=[tried]", "trainer.max_epochs=2", "trainer=cpu",
    )  # fmt: skip
    result = subprocess.run(
        [sys.executable, str(REPOSITORY / "train.py"), "-m", *overrides],
        cwd=home,
        env=os.environ | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    (folder,) = (home / "outputs" / "sweeps").iterdir()
    return folder
