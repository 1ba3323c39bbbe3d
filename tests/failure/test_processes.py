"""A run of two processes: one folder, one log, one result; and one that is lost ends both."""

import csv
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Command
from tests.failure.processes import is_alive, ranks_of, start, text_of, wait_for
from tests.faults.drill import Drill
from tests.forks import Forks

_TWO = ("trainer=ddp", "trainer.accelerator=cpu")


def _summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def forked(forks: Forks) -> Drill:
    """Commands whose processes are forked, too. Others here start theirs as users' do."""
    return Drill(forks)


def test_two_processes_train_as_one(forked: Drill, tmp_path: Path) -> None:
    options = ("trainer.max_epochs=2", "model.dropout=0.0", "trainer.log_every_n_steps=7")
    assert forked([*options, "run_dir=one", "trainer=cpu"], tmp_path).code == 0
    ended = forked([*options, "run_dir=two", *_TWO], tmp_path)
    assert ended.code == 0, ended.output
    one, two = tmp_path / "one", tmp_path / "two"
    for name, weight in _weights(one).items():
        torch.testing.assert_close(weight, _weights(two)[name], rtol=1e-3, atol=1e-4)
    left = [{str(path.relative_to(folder)) for path in folder.rglob("*")} for folder in (one, two)]
    assert left[0] == left[1]
    assert _summary(one).keys() == _summary(two).keys()
    assert _summary(one)["num_steps"] == _summary(two)["num_steps"] == 40
    assert _summary(two)["test/accuracy"] == pytest.approx(_summary(one)["test/accuracy"], abs=0.01)
    rows = _rows(one), _rows(two)
    assert [row["step"] for row in rows[0]] == [row["step"] for row in rows[1]]
    for ours, theirs in zip(*rows, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            # Of a step, the first process tells the loss of its own half.
            if value and name not in ("step/loss", "step/gradient_norm"):
                assert float(value) == pytest.approx(float(theirs[name]), abs=0.01), name
    # Every line is said once, by one of them.
    lines = [re.sub(r"^\S+ \S+ ", "", line) for line in (two / "run.log").read_text().splitlines() if line]
    assert len(lines) == len(set(lines))
    assert "warning" not in ended.output.lower()


def test_a_sweep_of_runs_of_two_processes(command: Command, tmp_path: Path) -> None:
    result = command("-m", "optimizer.lr=0.001,0.002", "trainer.max_epochs=1", *_TWO)
    assert result.returncode == 0, result.stderr
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    runs = sorted(path.parent for path in sweep.rglob("summary.json"))
    assert [_summary(run)["status"] for run in runs] == ["finished", "finished"]
    assert [yaml_value(run, "lr") for run in runs] == [0.001, 0.002]
    rates = [torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["optimizer_states"] for run in runs]
    assert [rate[0]["param_groups"][0]["lr"] for rate in rates] == [0.001, 0.002]
    assert not [path for path in tmp_path.iterdir() if path.name != "outputs"]


def yaml_value(run: Path, key: str) -> float:
    found = re.search(rf"^  {key}: (.*)$", (run / "config.yaml").read_text(), re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_process_ends_all_and_is_named(tmp_path: Path, lost: int) -> None:
    process = start(tmp_path, *_TWO, "trainer.max_epochs=100000", "run_dir=lost")
    wait_for((tmp_path / "lost" / "checkpoints" / "last.ckpt").exists, process)
    ranks = ranks_of(process)
    assert len(ranks) == 2
    os.kill(ranks[lost], signal.SIGKILL)
    struck = time.monotonic()
    _, errors = process.communicate(timeout=200)
    assert time.monotonic() - struck < 30
    assert process.returncode == 1, errors
    assert f"process {lost} of 2 (from 0) was killed by SIGKILL" in errors
    assert "Traceback" not in errors
    assert not any(map(is_alive, ranks))
    summary = _summary(tmp_path / "lost")
    assert summary["status"] == "failed"
    assert f"process {lost} of 2" in summary["error"]


def test_when_the_command_is_killed_nobody_trains_on(tmp_path: Path) -> None:
    process = start(tmp_path, *_TWO, "trainer.max_epochs=100000", "run_dir=orphans")
    wait_for((tmp_path / "orphans" / "checkpoints" / "last.ckpt").exists, process)
    ranks = ranks_of(process)
    process.kill()
    process.communicate(timeout=100)
    deadline = time.monotonic() + 30
    while any(map(is_alive, ranks)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_alive, ranks))


def test_two_processes_stop_at_the_same_step(tmp_path: Path) -> None:
    process = start(tmp_path, *_TWO, "trainer.max_epochs=100000", "run_dir=stopped")
    wait_for((tmp_path / "stopped" / "checkpoints" / "last.ckpt").exists, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert "go on with: python train.py resume=stopped" in errors
    assert _summary(tmp_path / "stopped")["status"] == "interrupted"


def test_a_mistake_is_told_once(forked: Drill, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("date,load\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    ended = forked(["data=series", "data.root=short.csv", "run_dir=failed", *_TWO], tmp_path)
    assert ended.code == 2
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert _summary(tmp_path / "failed")["error"] == line.removeprefix("error: ")


@pytest.mark.parametrize(
    ("environment", "hint"),
    [({"LOCAL_RANK": "1"}, "as torchrun does"), ({"SLURM_NTASKS": "2", "SLURM_STEP_ID": "0"}, "ask for one")],
    ids=["torchrun", "srun"],
)
def test_no_process_is_started_from_outside(command: Command, environment: dict[str, str], hint: str) -> None:
    result = command(*_TWO, **environment)
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    assert hint in line


def test_the_process_that_failed_first_is_quoted(forked: Drill, tmp_path: Path) -> None:
    ended = forked(["optimizer=sgd", "optimizer.lr=1e25", "run_dir=exploded", *_TWO], tmp_path)
    assert ended.code == 1
    (line,) = ended.stderr.strip().splitlines()
    assert re.match(r"error: process \d of 2 \(from 0\): at step \d+ ", line), line
    assert "Traceback" in text_of(tmp_path / "exploded" / "run.log")
