"""A job that its time limit ends gets another turn, and goes on in the same folder."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch

from iolaus.config.compose import compose
from iolaus.process import slurm
from iolaus.processes import num_to_start
from tests.failure.processes import start, text_of, wait_for

_JOB = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "1",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
}


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    """The environment of a job, with a scheduler that notes what it is asked for."""
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    scontrol.chmod(0o755)
    return {**_JOB, "PATH": f"{scontrol.parent}{os.pathsep}{os.environ['PATH']}"}


def test_the_same_command_goes_on_in_its_next_turn(tmp_path: Path, job: dict[str, str]) -> None:
    command = ("trainer=cpu", "trainer.max_epochs=100000", "model.dim=32")
    first = start(tmp_path, *command, **job)
    last = tmp_path / "outputs" / "latest" / "checkpoints" / "last.ckpt"
    wait_for(last.exists, first)
    first.send_signal(signal.SIGUSR1)
    _, errors = first.communicate(timeout=200)
    assert first.returncode == 143, errors
    assert text_of(tmp_path / "asked") == "requeue 4711\n"
    folder = last.resolve().parents[1]
    assert json.loads((folder / "summary.json").read_text())["status"] == "interrupted"
    reached = torch.load(last, weights_only=True)["global_step"]

    second = start(tmp_path, *command, **job, SLURM_RESTART_COUNT="1")
    log = folder / "run.log"
    num_epochs = text_of(log).count("val/loss")
    wait_for(lambda: text_of(log).count("val/loss") > num_epochs, second)
    second.send_signal(signal.SIGTERM)  # as scancel does
    _, errors = second.communicate(timeout=200)
    assert second.returncode == 143, errors
    assert torch.load(last, weights_only=True)["global_step"] > reached
    assert len(list((tmp_path / "outputs" / "digits-mlp").iterdir())) == 1
    assert text_of(tmp_path / "asked") == "requeue 4711\n"  # who cancels a job does not want it again


def test_a_sigterm_near_the_limit_is_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not slurm.wants_requeue(signal.SIGTERM)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    assert slurm.wants_requeue(signal.SIGUSR1)
    assert not slurm.wants_requeue(signal.SIGTERM)
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    assert slurm.wants_requeue(signal.SIGTERM)
    assert not slurm.wants_requeue(signal.SIGINT)
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 36000))
    assert not slurm.wants_requeue(signal.SIGTERM)


def test_a_run_that_is_named_is_gone_on_with_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    slurm.remember(tmp_path / "run")
    overrides = ["model=mlp", "run_dir=elsewhere"]
    assert slurm.go_on(overrides) == overrides
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    assert slurm.go_on(overrides) == ["model=mlp", f"run_dir={tmp_path / 'run'}", "resume=auto"]
    assert slurm.go_on(["resume=other"]) == ["resume=other"]


def test_a_scheduler_that_refuses_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm.requeue()
    assert "could not be requeued" in caplog.text


def test_a_job_of_one_task_starts_its_processes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """SLURM starts one process per task; with one task, Lightning would quietly train in one process alone."""
    config = compose(["trainer=ddp", "trainer.accelerator=cpu"]).config
    for name, value in _JOB.items():
        monkeypatch.setenv(name, value)
    assert num_to_start(config) == 2
    monkeypatch.setenv("SLURM_NTASKS", "2")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "2")
    assert num_to_start(config) == 1
