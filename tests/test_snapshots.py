"""Snapshots at the ends of a schedule's cycles: what is kept, how much of it, and that none is half."""

from pathlib import Path

import pytest
import torch

from iolaus.folder.snapshots import Snapshots
from tests.conftest import Command
from tests.faults.compare import load, unequal

SMALL = ("model.dim=8", "data.batch_size=100", "trainer=cpu", "trainer.max_epochs=4")  # 12 steps an epoch
RESTARTING = ("scheduler=cosine_restarts", "scheduler.cycles=4", "callbacks.snapshots.last=2")


def test_the_weights_at_the_ends_of_the_last_cycles_are_kept(command: Command, tmp_path: Path) -> None:
    result = command(*SMALL, *RESTARTING, "run_dir=run")
    assert result.returncode == 0, result.stderr
    third, fourth = Snapshots(tmp_path / "run").whole()
    assert (third.name, fourth.name) == ("cycle-3.ckpt", "cycle-4.ckpt")
    assert sorted(path.name for path in third.parent.iterdir()) == [third.name, fourth.name, "digests.json"]
    assert load(third)["global_step"] == 36
    last = load(tmp_path / "run" / "checkpoints" / "last.ckpt")  # the run ends with a cycle
    assert unequal(load(fourth)["state_dict"], last["state_dict"]) == []
    assert load(fourth).keys() == {"epoch", "global_step", "state_dict", "Digits"}


def test_averaged_weights_are_what_is_kept_of_a_run_that_averages(command: Command, tmp_path: Path) -> None:
    result = command(*SMALL, *RESTARTING, "callbacks.ema.decay=0.9", "run_dir=run")
    assert result.returncode == 0, result.stderr
    last = load(tmp_path / "run" / "checkpoints" / "last.ckpt")
    kept = load(tmp_path / "run" / "snapshots" / "cycle-4.ckpt")
    assert unequal(kept["state_dict"], last["state_dict"]) == []
    assert unequal(kept["state_dict"], last["current_model_state"]) != []


def test_without_a_restart_there_is_nothing_to_keep_and_it_is_said(command: Command, tmp_path: Path) -> None:
    result = command(*SMALL, "callbacks.snapshots.last=2", "trainer.max_epochs=1", "run_dir=run")
    assert result.returncode == 0, result.stderr
    assert "callbacks.snapshots.last=2 has no effect, because the schedule never restarts" in result.stdout
    assert not (tmp_path / "run" / "snapshots").exists()


def test_a_snapshot_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    snapshots.folder.mkdir()
    for cycle in (1, 2):
        torch.save({"cycle": cycle}, snapshots.new)
        snapshots.adopt(cycle, last=5)
    first, second = snapshots.whole()
    assert [load(path)["cycle"] for path in (first, second)] == [1, 2]
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"cycle-1\.ckpt is damaged"):
        snapshots.whole()


def test_a_cycle_that_is_run_again_replaces_what_it_left(tmp_path: Path) -> None:
    """A run goes on from a checkpoint that lies before snapshots which it had kept."""
    snapshots = Snapshots(tmp_path)
    snapshots.folder.mkdir()
    for cycle, value in ((1, 1.0), (2, 2.0), (3, 3.0), (2, 2.5), (3, 3.5)):
        torch.save({"value": value}, snapshots.new)
        snapshots.adopt(cycle, last=2)
    assert [load(path)["value"] for path in snapshots.whole()] == [2.5, 3.5]
