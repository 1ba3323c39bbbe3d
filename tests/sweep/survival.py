"""A sweep is killed with `kill -9`, itself and its trials at random, and resumed until it is whole.

    python -m tests.sweep.survival [--trials 200] [--kills 20] [--folder FOLDER]

Afterwards exactly so many trials must have finished, each once, with a whole run folder.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import REPOSITORY

_TRIAL = [
    "data.batch_size=128", "model.dim=8", "trainer=cpu", "trainer.max_epochs=2", "+trainer.limit_train_batches=2",
    "+trainer.limit_val_batches=1", "+trainer.limit_test_batches=1",
]  # fmt: skip
_SPACE = "optimizer.lr=tag(log,interval(1e-4,1e-1))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20, help="of the sweep; as many trials are killed")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp()) / "sweep"
    sessions = survive(folder, num_trials=options.trials, num_kills=options.kills)
    print(f"{options.trials} trials finished, each once, after {sessions} sessions")


def survive(folder: Path, *, num_trials: int, num_kills: int, seed: int = 0) -> int:
    """Returns how many sessions it took."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    step = num_trials / (num_kills + 1)
    for session in range(num_kills + 1):
        is_last = session == num_kills
        _one_session(folder, num_trials, None if is_last else int(step * (session + 1)), chance)
    check(folder, num_trials)
    return num_kills + 1


def _one_session(folder: Path, num_trials: int, until: int | None, chance: random.Random) -> None:
    """Runs the sweep until so many trials are over, kills one of its trials on the way, and then itself."""
    script = [sys.executable, REPOSITORY / "train.py", "-m"]
    begin = [_SPACE, *_TRIAL, f"sweep.trials={num_trials}", f"sweep.dir={folder}", "sweep.workers=2", "sweep.retries=9"]
    command = [*script, f"sweep.resume={folder}"] if (folder / "sweep.yaml").exists() else [*script, *begin]
    with (
        folder.with_suffix(".log").open("a") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder.parent) as sweep,
    ):
        before, has_killed = num_over(folder), False
        while sweep.poll() is None:
            over = num_over(folder)
            trials = trials_of(sweep.pid)
            if trials and over > before and not has_killed:
                os.kill(chance.choice(trials), signal.SIGKILL)
                has_killed = True
            if until is not None and over >= until:
                time.sleep(chance.random())
                sweep.kill()
            time.sleep(0.05)
    assert until is not None or sweep.returncode == 0, folder.with_suffix(".log").read_text()


def num_over(folder: Path) -> int:
    path = folder / "trials.json"
    trials = json.loads(path.read_text()) if path.exists() else []
    return sum(trial["state"] in ("finished", "failed", "pruned") for trial in trials)


def trials_of(sweep: int) -> list[int]:
    """The processes of its trials: those that its fork server has started."""
    return [trial for child in _children(sweep) for trial in _children(child)]


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def check(folder: Path, num_trials: int) -> None:
    trials = json.loads((folder / "trials.json").read_text())
    assert [trial["number"] for trial in trials] == list(range(num_trials))
    assert [trial["state"] for trial in trials] == ["finished"] * num_trials
    assert len({trial["params"]["optimizer.lr"] for trial in trials}) == num_trials, "a point was run twice"
    folders = sorted(int(path.name) for path in folder.iterdir() if path.is_dir())
    assert folders == list(range(num_trials))
    for trial in trials:
        run = folder / str(trial["number"])
        summary = json.loads((run / "summary.json").read_text())
        assert summary["status"] == "finished"
        assert summary["num_steps"] == trial["steps"] == 4
        with (run / "metrics.csv").open(newline="") as file:
            epochs = [row["epoch"] for row in csv.DictReader(file) if row.get("val/accuracy")]
        assert epochs == sorted(set(epochs)), "an epoch was counted twice"
        assert f"optimizer.lr={trial['params']['optimizer.lr']}" in summary["command"]


if __name__ == "__main__":
    main()
