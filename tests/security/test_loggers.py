"""No logger stops a run or makes it wait: not a server that is away, not an error of its own."""

import errno
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from iolaus.loggers.mlflow import MLflow
from iolaus.loggers.run_logger import Identity, RunLogger
from iolaus.loggers.unfailing import unfailing
from iolaus.loggers.wandb import WandB


class Failing(RunLogger):
    """Says that the disk is full, from the given call on."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first, self.num_calls = first, 0

    @property
    def name(self) -> str:
        return "failing"

    @property
    def version(self) -> str:
        return ""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.num_calls += 1
        if self.num_calls >= self.first:
            raise OSError(errno.ENOSPC, "No space left on device")

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        pass


def test_an_error_is_said_once_and_then_never_met_again() -> None:
    logger = Failing(first=3)
    assert unfailing(logger) is logger
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for step in range(9):
            logger.log_metrics({"loss": 1.0}, step)
        logger.finalize("success")
    (warning,) = said
    assert str(warning.message) == (
        "Failing has stopped (OSError: [Errno 28] No space left on device); the run goes on without it."
    )
    assert logger.num_calls == 3


def test_a_signal_is_no_error_of_the_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Failing, "log_metrics", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unfailing(Failing(1)).log_metrics({})


def test_a_server_that_is_away_makes_a_run_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr("iolaus.loggers.wandb._SECONDS_TO_ANSWER", 2.0)
    logger = unfailing(WandB(Identity(tmp_path), mode="online"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        logger.log_hyperparams({"seed": 0})
        for step in range(20):
            logger.log_metrics({"loss": 1.0}, step)
        logger.finalize("success")
        logger.close({"status": "finished"})
    texts = [str(warning.message) for warning in said]
    assert len([text for text in texts if "kept offline" in text]) == 1
    assert not [text for text in texts if "has stopped" in text]
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_a_tracking_server_that_is_away_is_said_once(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    logger = unfailing(MLflow(Identity(tmp_path), uri="http://127.0.0.1:9"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for step in range(5):
            logger.log_metrics({"loss": 1.0}, step)
        logger.close({"status": "finished"})
    assert len([warning for warning in said if "MLflow has stopped" in str(warning.message)]) == 1
