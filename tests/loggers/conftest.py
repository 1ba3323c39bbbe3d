"""One small sweep, recorded by every logger at once, for all tests here to look at."""

from pathlib import Path

import pytest

from tests.forks import Forks


@pytest.fixture(scope="session")
def sweep(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep's folder: two runs of two epochs, which Hydra makes in one process."""
    home = tmp_path_factory.mktemp("recorded")
    overrides = (
        "model=mlp,rnn", "logger=[wandb,tensorboard,mlflow]", "logger.wandb.checkpoints=best",
        "logger.wandb.num_predictions=8", "logger.wandb.tags=[tried]", "trainer.max_epochs=2", "trainer=cpu",
    )  # fmt: skip
    ended = forks(["-m", *overrides], home, environment={"HOME": str(home)}, seconds=280)
    assert ended.code == 0, ended.output
    (folder,) = (home / "outputs" / "sweeps").iterdir()
    return folder
