"""Whole sweeps as a user types them: what they leave, how they end, and how they go on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY, Command
from tests.sweep.survival import survive, trials_of

TINY = ("model.dim=8", "trainer=cpu", "trainer.max_epochs=1", "+trainer.limit_train_batches=2", "data.batch_size=64")

pytestmark = pytest.mark.timeout(900)


def _trials(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "trials.json").read_text())


def _leaving(folder: Path) -> tuple[str, ...]:
    """A loss that ends its trial in the way that `loss.how` says, and the overrides that choose it."""
    (folder / "leaving.py").write_text(
        "from iolaus.losses import CrossEntropy\n"
        "class Leaving(CrossEntropy):\n"
        "    def __init__(self, *, how: str = 'not', **options) -> None:\n"
        "        super().__init__(**options)\n"
        "        self.how = how\n"
        "    def forward(self, output, target):\n"
        "        if self.how == 'exit' and len(target) > 20: raise SystemExit(3)\n"
        "        if self.how == 'kill' and len(target) > 20: import os; os.kill(os.getpid(), 9)\n"
        "        if self.how == 'hang' and len(target) > 20: import time; time.sleep(1000)\n"
        "        if self.how == 'full' and len(target) > 20: import torch; torch.empty(10**15)\n"
        "        return super().forward(output, target)\n"
    )
    return ("packages=[leaving]", "loss._target_=leaving.Leaving")


def test_a_failing_trial_fails_alone(command: Command, tmp_path: Path) -> None:
    swept = "+loss.how=not,exit,kill,full"
    result = command("-m", *TINY, *_leaving(tmp_path), swept, "sweep.dir=failing", PYTHONPATH=_path(tmp_path))
    assert result.returncode == 1, result.stderr
    trials = _trials(tmp_path / "failing")
    assert [trial["state"] for trial in trials] == ["finished", "failed", "failed", "failed"], result.stdout
    reasons = [trial["reason"] or "" for trial in trials]
    assert reasons[0] == ""
    assert "SystemExit" in reasons[1]
    assert "SIGKILL" in reasons[2]
    assert "out of memory" in reasons[3]
    assert "failed: was killed (SIGKILL)" in result.stdout


def test_a_trial_that_hangs_is_ended(command: Command, tmp_path: Path) -> None:
    options = ("+loss.how=hang,not", "sweep.dir=hanging", "sweep.timeout=15", "sweep.workers=1")
    result = command("-m", *TINY, *_leaving(tmp_path), *options, PYTHONPATH=_path(tmp_path))
    assert result.returncode == 1, result.stderr
    hanging, following = _trials(tmp_path / "hanging")
    assert hanging["reason"] == "took longer than sweep.timeout=15 seconds"
    assert following["state"] == "finished"


def _path(folder: Path) -> str:
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def test_a_range_and_no_sampler_is_tpe_with_everything_recorded(fresh_command: Command, tmp_path: Path) -> None:
    lr = "optimizer.lr=tag(log,interval(1e-4,1e-1))"
    result = fresh_command(
        "-m", *TINY, lr, "sweep.trials=3", "sweep.dir=search", "sweep.seeds=2", "sweep/pruner=median"
    )
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "search"
    about = yaml.safe_load((folder / "sweep.yaml").read_text())
    assert (about["sampler"], about["pruner"], about["trials"], about["seeds"]) == ("TPESampler", "MedianPruner", 3, 2)
    assert about["space"] == {"optimizer.lr": "0.0001 to 0.1, log"}
    assert about["objective"] == {"metric": "val/accuracy", "mode": "max"}
    for trial in _trials(folder):
        assert trial["state"] in ("finished", "pruned")
        for run in trial["runs"]:
            summary = json.loads((folder / run / "summary.json").read_text())
            assert summary["status"] == "finished"
            assert summary["seed"] == int(run[-1])
            assert "sweep" not in yaml.safe_load((folder / run / "config.yaml").read_text())
        assert trial["value"] == pytest.approx(sum(trial["values"]) / len(trial["values"]))
        assert trial["command"].startswith("python ")
        assert f"optimizer.lr={trial['params']['optimizer.lr']}" in trial["overrides"]
    result = fresh_command("-m", "sweep.resume=search", "sweep.trials=4", "sweep.seeds=2")
    assert result.returncode == 0, result.stderr
    assert [trial["number"] for trial in _trials(folder)] == [0, 1, 2, 3]
    assert result.stdout.count("finished") + result.stdout.count("pruned") == 1


def test_a_stopped_sweep_keeps_its_trials_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, REPOSITORY / "train.py", "-m", "model.dim=8,16", "trainer=cpu", "trainer.max_epochs=100000",
         "sweep.dir=stopped", "sweep.workers=1"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    folder = tmp_path / "stopped"
    deadline = time.monotonic() + 300
    while not (folder / "0" / "checkpoints" / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    trials = trials_of(process.pid)
    assert len(trials) == 1
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "-m sweep.resume=stopped" in errors
    assert [trial["state"] for trial in _trials(folder)] == ["waiting", "waiting"]
    assert not any(Path(f"/proc/{pid}").exists() for pid in trials)
    assert json.loads((folder / "0" / "summary.json").read_text())["status"] == "interrupted"
    num_rows = len((folder / "0" / "metrics.csv").read_text().splitlines())
    assert num_rows > 1


def test_the_dry_run_lists_what_it_would_cost_and_leaves_nothing(command: Command, tmp_path: Path) -> None:
    result = command("-m", "model=mlp,rnn", "model.dim=8", "trainer.max_epochs=3", "sweep.dry_run=true")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["0", "1"]
    assert [line.split()[-1] for line in lines[1:3]] == ["model=mlp", "model=rnn"]
    steps = [int(line.split()[1].replace(",", "")) for line in lines[1:3]]
    assert steps[0] == steps[1]
    assert steps[0] % 3 == 0
    assert "2 trials" in lines[-1]
    assert "Nothing was run" in lines[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_trial_may_be_of_several_processes(command: Command, tmp_path: Path) -> None:
    result = command(
        "-m", *TINY[:1], "trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=3", "sweep.workers=1",
        "optimizer.lr=1e-2,1e-7", "sweep.dir=several", "sweep/pruner=median", "sweep.pruner.n_startup_trials=1",
        "sweep.pruner.n_min_trials=1", "sweep.pruner.n_warmup_steps=0",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    good, bad = _trials(tmp_path / "several")
    assert good["state"] == "finished"
    assert bad["state"] == "pruned"
    assert bad["steps"] < good["steps"]
    assert json.loads((tmp_path / "several" / "1" / "summary.json").read_text())["status"] == "pruned"


def test_a_sweep_survives_being_killed_with_its_trials(tmp_path: Path) -> None:
    assert survive(tmp_path / "killed", num_trials=12, num_kills=2) == 3
