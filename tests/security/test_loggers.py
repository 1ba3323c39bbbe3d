"""No logger stops a run or makes it wait: not a server that is away or hangs, not an error of its own."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iolaus.loggers import unfailing
from iolaus.loggers.mlflow import MLflow
from iolaus.loggers.run_logger import Identity, RunLogger
from iolaus.loggers.unfailing import Unfailing
from iolaus.loggers.wandb import WandB
from tests.failure.fits import parts


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


class Hanging(Failing):
    """Hangs within its first call, as if on a server, until it is let go."""

    def __init__(self) -> None:
        super().__init__(first=0)
        self.let_go = threading.Event()

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.num_calls += 1
        self.let_go.wait(timeout=600)


class WithoutBeginning(Failing):
    """Has an experiment, as Lightning's loggers do, that cannot begin."""

    @property
    def experiment(self) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.experiment.log(metrics)


@pytest.fixture
def said() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def _log(logger: RunLogger, num_steps: int) -> None:
    for step in range(num_steps):
        logger.log_metrics({"loss": 1.0}, step)
    logger.finalize("success")


def test_an_error_is_said_once_and_then_never_met_again(said: list[warnings.WarningMessage]) -> None:
    failing = Failing(first=3)
    logger = Unfailing(failing)
    _log(logger, 9)
    logger.close({"status": "finished"})
    _log(logger, 9)
    (warning,) = said
    assert str(warning.message) == (
        "Failing has stopped (OSError: [Errno 28] No space left on device); the run goes on without it."
    )
    assert failing.num_calls == 3


def test_an_experiment_that_cannot_begin_does_not_end_the_run(
    tmp_path: Path, said: list[warnings.WarningMessage]
) -> None:
    """Lightning asks for it before it trains."""
    logger = Unfailing(WithoutBeginning(first=0))
    trainer, task, data = parts(tmp_path, "trainer.max_epochs=1", logger=[logger])
    trainer.fit(task, datamodule=data)
    logger.close({"status": "finished"})
    assert trainer.global_step == 6
    assert len([warning for warning in said if "WithoutBeginning has stopped" in str(warning.message)]) == 1


def test_a_server_that_hangs_is_waited_for_at_the_end_alone(said: list[warnings.WarningMessage]) -> None:
    hanging = Hanging()
    logger = Unfailing(hanging, seconds_to_finish=0.1)
    _log(logger, 100)  # would not come back if it waited
    assert not said
    logger.close({"status": "finished"})
    (warning,) = said
    assert str(warning.message) == (
        "Hanging has stopped (it was not done 0.1 s after the run); the run goes on without it."
    )
    assert hanging.num_calls == 1
    hanging.let_go.set()


def test_a_run_that_was_interrupted_waits_less(
    said: list[warnings.WarningMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfailing, "_SECONDS_IF_INTERRUPTED", 0.1)
    hanging = Hanging()
    logger = Unfailing(hanging)
    _log(logger, 1)
    logger.close({"status": "interrupted"})
    (warning,) = said
    assert "it was not done 0.1 s after the run" in str(warning.message)
    hanging.let_go.set()


_SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from iolaus.loggers.run_logger import Identity
from iolaus.loggers.unfailing import Unfailing
from iolaus.loggers.wandb import WandB

if __name__ == "__main__":
    logger = Unfailing(WandB(Identity(Path.cwd())), seconds_to_finish=1)
    logger.log_metrics({"loss": 1.0}, 0)
    while not logger._waiting.empty() or not list(Path.cwd().glob("wandb/offline-run-*/*.wandb")):
        time.sleep(0.05)
    children = [text for path in Path("/proc/self/task").glob("*/children") for text in path.read_text().split()]
    Path("children").write_text(" ".join(children))
    for child in children:
        os.kill(int(child), signal.SIGSTOP)
    for step in range(1, 20):
        logger.log_metrics({"loss": 1.0}, step)
    logger.close({"status": "finished"})
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the service process as Linux lists it")
def test_a_service_process_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    command = [sys.executable, "-c", _SCRIPT]
    said = tmp_path / "said"
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}  # that is the test's
    try:
        with said.open("w") as file:  # no pipe: the service process has it, too, and never ends
            result = subprocess.run(command, cwd=tmp_path, env=environment, stderr=file, timeout=120, check=False)
    finally:
        children = [int(text) for text in (tmp_path / "children").read_text().split()]
        for child in children:
            os.kill(child, signal.SIGKILL)
    assert children
    assert result.returncode == 0
    assert "WandB has stopped (it was not done 1 s after the run)" in said.read_text()
    assert "Traceback" not in said.read_text()


def test_what_waits_is_bounded(said: list[warnings.WarningMessage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfailing, "_MAX_NUM_WAITING", 20)
    hanging = Hanging()
    logger = Unfailing(hanging)
    _log(logger, 100)
    logger.close({"status": "finished"})
    (warning,) = said
    assert "20 things wait for it already" in str(warning.message)
    hanging.let_go.set()


def test_all_is_done_in_order_when_it_is_closed() -> None:
    done: list[str] = []
    slow = Failing(first=0)
    slow.log_metrics = lambda _, step=None: done.append(f"step {step}")  # type: ignore[method-assign]
    slow.close = lambda summary: done.append(summary["status"])  # type: ignore[method-assign]
    logger = Unfailing(slow)
    _log(logger, 50)
    logger.close({"status": "finished"})
    assert done == [*(f"step {step}" for step in range(50)), "finished"]
    assert "Failing" not in {thread.name for thread in threading.enumerate()}


def test_a_server_that_is_away_makes_a_run_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[warnings.WarningMessage]
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr("iolaus.loggers.wandb._SECONDS_TO_ANSWER", 2.0)
    logger = Unfailing(WandB(Identity(tmp_path), mode="online"))
    logger.log_hyperparams({"seed": 0})
    _log(logger, 20)
    logger.close({"status": "finished"})
    texts = [str(warning.message) for warning in said]
    assert len([text for text in texts if "kept offline" in text]) == 1
    assert not [text for text in texts if "has stopped" in text]
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_a_service_process_that_dies_at_its_start_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[warnings.WarningMessage]
) -> None:
    wandb = pytest.importorskip("wandb")

    def die(**_: Any) -> None:
        raise wandb.errors.CommError("the service process has exited")

    monkeypatch.setattr(wandb, "init", die)
    logger = Unfailing(WandB(Identity(tmp_path)))
    trainer, task, data = parts(tmp_path, "trainer.max_epochs=1", logger=[logger])
    trainer.fit(task, datamodule=data)
    logger.close({"status": "finished"})
    assert trainer.global_step == 6
    assert len([warning for warning in said if "WandB has stopped (CommError: " in str(warning.message)]) == 1


def test_a_tracking_server_that_is_away_is_said_once(tmp_path: Path, said: list[warnings.WarningMessage]) -> None:
    pytest.importorskip("mlflow")
    logger = Unfailing(MLflow(Identity(tmp_path), uri="http://127.0.0.1:9"))
    _log(logger, 5)
    logger.close({"status": "finished"})
    assert len([warning for warning in said if "MLflow has stopped" in str(warning.message)]) == 1


def test_a_tracking_server_that_never_answers_holds_nothing_up(
    tmp_path: Path, said: list[warnings.WarningMessage]
) -> None:
    """It takes the connection, and then says nothing."""
    pytest.importorskip("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        logger = Unfailing(MLflow(Identity(tmp_path), uri=uri), seconds_to_finish=0.1)
        trainer, task, data = parts(tmp_path, "trainer.max_epochs=1", logger=[logger])
        trainer.fit(task, datamodule=data)
        logger.close({"status": "finished"})
    assert trainer.global_step == 6
    assert len([warning for warning in said if "MLflow has stopped" in str(warning.message)]) == 1
