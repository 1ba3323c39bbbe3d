"""A run of several processes: starts one for each device, hands signals on, and ends all when one is lost.

Lightning would start them by running the whole command again, which in a sweep trains other points, or by forking,
which a process that has used a GPU or many threads cannot do. And it waits for ever for a process that was killed.
Each process here is `python -m iolaus.rank`, which is told the composed config; the first of them keeps the folder.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.fabric.plugins.environments.lightning import find_free_network_port
from omegaconf import DictConfig, OmegaConf

from iolaus.config import build
from iolaus.process.failure import USER_MISTAKE, RunError
from iolaus.process.interruption import Interrupted, interruption
from iolaus.training.trainer import silence

# How long the others may take to end by themselves once one has failed or was asked to stop, in seconds.
_PATIENCE_AFTER_FAILURE, _PATIENCE_AFTER_SIGNAL = 5.0, 60.0
_POLL_SECONDS = 0.05


class ProcessError(RunError):
    """A process of the run ended with an error of its own, or was killed."""


class RemoteTraceback(Exception):  # noqa: N818 - never raised
    """The traceback of another process, as the cause of an error here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def num_to_start(config: DictConfig) -> int:
    """How many processes the run needs that nobody has started: 1 where this one is enough."""
    options = {key: config.trainer[key] for key in ("accelerator", "devices", "strategy", "num_nodes")}
    if options["devices"] == 1 and options["num_nodes"] == 1:
        return 1
    silence()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the run itself will say it
        # Lightning knows what `auto` means on this machine, and whether torchrun or SLURM has started processes.
        trainer = L.Trainer(**options, logger=False, enable_checkpointing=False, enable_progress_bar=False)
    launcher, environment = trainer.strategy.launcher, getattr(trainer.strategy, "cluster_environment", None)
    if launcher is None or environment is None:
        return 1
    is_lone_task = os.environ.get("SLURM_NTASKS") == "1" and "LOCAL_RANK" not in os.environ
    if environment.creates_processes_externally and not is_lone_task:
        return 1
    return trainer.num_devices


def run_processes(number: int, config: DictConfig, folder: Path, held: int, **arguments: Any) -> None:
    """Calls `fit_and_test(config, folder, **arguments)` in so many processes, and returns when all are done.

    held: the folder's lock, which they keep should this process be killed before they have ended.

    Raises:
        ValueError: for what is wrong with the user's data.
        ProcessError: if one of them failed, in the words of the one that failed first.
        Interrupted: if a signal stopped them.
    """
    build.build_data(config).prepare_data()  # before any of them looks for what another is downloading
    job = {
        "config": OmegaConf.to_container(config, resolve=False),
        "folder": str(folder),
        "arguments": arguments,
        "path": sys.path,
        "held": held,
    }
    with tempfile.TemporaryDirectory(prefix="iolaus-") as reports:
        port = os.environ.get("MASTER_PORT") or str(find_free_network_port())
        processes = [_start(rank, job | {"report": f"{reports}/{rank}.json"}, port) for rank in range(number)]
        interruption.before_leaving = lambda: _kill(processes)
        interruption.is_awaited = True
        try:
            codes = _wait(processes)
        finally:
            _kill(processes)
            interruption.is_awaited, interruption.before_leaving = False, None
        _raise_first(codes, [Path(reports) / f"{rank}.json" for rank in range(number)])


def _start(rank: int, job: dict[str, Any], port: str) -> subprocess.Popen[str]:
    """Only the first process speaks on the terminal. What the others' libraries say goes to run.log."""
    environment = os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank), "MASTER_PORT": port}
    environment.pop("SLURM_NTASKS", None)  # else Lightning takes SLURM for the one that numbers them
    with Path(job["folder"], "run.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "iolaus.rank"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=None if rank == 0 else log,
            stderr=None if rank == 0 else log,
            text=True,
            pass_fds=[job["held"]],
            start_new_session=True,  # a Ctrl-C is for this process, which hands it on
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()  # and stays open: its end tells the process that this one is gone
    return process


def _wait(processes: list[subprocess.Popen[str]]) -> list[int | None]:
    """The exit codes when all have ended; None for those that do not, though one has failed or a signal came."""
    is_told, deadline = False, float("inf")
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        if interruption.signum is not None and not is_told:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            is_told, deadline = True, time.monotonic() + _PATIENCE_AFTER_SIGNAL
        if any(process.returncode for process in processes):
            deadline = min(deadline, time.monotonic() + _PATIENCE_AFTER_FAILURE)
        time.sleep(_POLL_SECONDS)
    return [process.returncode for process in processes]


def _kill(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _raise_first(codes: list[int | None], reports: list[Path]) -> None:
    """Says what ended them: a signal to all of them, else one that was killed, else the error that came first."""
    if all(code == 0 for code in codes):
        return
    interruption.check()
    for rank, code in enumerate(codes):
        if code is not None and code < 0:
            raise ProcessError(_killed(rank, len(codes), signal.Signals(-code)))
    failures = [
        json.loads(report.read_text()) | {"rank": rank} for rank, report in enumerate(reports) if report.exists()
    ]
    if failures:
        raise _error(min(failures, key=lambda failure: failure["time"]), len(codes))
    rank, code = next((rank, code) for rank, code in enumerate(codes) if code != 0)
    raise ProcessError(
        f"process {rank} of {len(codes)} (from 0) ended with exit code {code}; run.log has what it said."
    )


def _killed(rank: int, number: int, by: signal.Signals) -> str:
    hint = ", as a machine does that runs out of memory" if by is signal.SIGKILL else ""
    return f"process {rank} of {number} (from 0) was killed by {by.name}{hint}; the others were ended."


def _error(failure: dict[str, Any], number: int) -> BaseException:
    if failure["signum"]:
        return Interrupted(failure["signum"])
    error: BaseException = ProcessError(f"process {failure['rank']} of {number} (from 0): {failure['sentence']}")
    if failure["code"] == USER_MISTAKE:
        error = ValueError(failure["sentence"])
    if failure["is_bug"]:
        error = AssertionError(failure["message"])
    error.__cause__ = RemoteTraceback(failure["traceback"])
    return error
