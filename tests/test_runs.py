"""Whole commands, run as a user runs them, and what they leave behind."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import torch

from tests.conftest import Command

_KEYS = {
    "best_epoch", "num_parameters", "fit_seconds", "samples_per_second", "peak_memory_mb", "seed", "git_commit",
    "git_dirty", "versions", "hardware", "command", "status", "train/loss", "train/accuracy", "val/loss",
    "val/accuracy", "test/accuracy", "test/precision", "test/recall", "test/f1",
}  # fmt: skip


def _summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_command_makes_a_run(fresh_command: Command, tmp_path: Path) -> None:
    result = fresh_command("trainer.max_epochs=3")
    assert result.returncode == 0, result.stderr
    folder = (tmp_path / "outputs" / "latest").resolve()
    assert folder.parent == tmp_path / "outputs" / "digits-mlp"
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {
        "config.yaml", "overrides.yaml", "checkpoints/best.ckpt", "checkpoints/last.ckpt", "checkpoints/previous.ckpt",
        "checkpoints/digests.json", "metrics.csv",
        "summary.json", "run.log", "confusion.csv", "confusion.png",
    }  # fmt: skip
    summary = _summary(folder)
    assert summary.keys() >= _KEYS
    assert summary["status"] == "finished"
    assert summary["test/accuracy"] > 0.9
    # The last lines on the terminal are a table of test metrics and the folder's path.
    *_, table_end, empty, path = result.stdout.splitlines()
    assert table_end.split() == ["test/recall", f"{summary['test/recall']:.4f}"]
    assert (empty, path) == ("", str(folder.relative_to(tmp_path)))


def test_a_resumed_run_ends_as_the_one_that_was_never_stopped(command: Command, tmp_path: Path) -> None:
    assert command("run_dir=whole", "trainer.max_epochs=3", "model.dropout=0.3").returncode == 0
    assert command("run_dir=halves", "trainer.max_epochs=1", "model.dropout=0.3").returncode == 0
    result = command("resume=halves", "trainer.max_epochs=3")
    assert result.returncode == 0, result.stderr
    whole, halves = _weights(tmp_path / "whole"), _weights(tmp_path / "halves")
    assert all(torch.equal(whole[name], halves[name]) for name in whole)
    assert _rows(tmp_path / "whole") == _rows(tmp_path / "halves")

    again = command("resume=halves")
    assert again.returncode == 2
    assert "all 3 epochs are done" in again.stderr
    other = command("resume=halves", "trainer.max_epochs=9", "model.dim=64")
    assert other.returncode == 2
    assert "the run began with model.dim=256, so it cannot go on with model.dim=64" in other.stderr


def test_a_schedule_laid_out_for_a_length_cannot_be_made_longer(command: Command) -> None:
    assert command("run_dir=short", "trainer.max_epochs=1", "scheduler=cosine").returncode == 0
    result = command("resume=short", "trainer.max_epochs=2")
    assert result.returncode == 2
    assert "laid out for 1 epochs" in result.stderr
    assert "init_from=short" in result.stderr


def test_a_run_starts_from_another_runs_weights(command: Command, tmp_path: Path) -> None:
    assert command("run_dir=first", "trainer.max_epochs=2").returncode == 0
    result = command("run_dir=second", "trainer.max_epochs=1", "init_from=outputs/latest", "optimizer.lr=0.0")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "outputs" / "latest").resolve() == tmp_path / "second"
    assert str(tmp_path / "first") in (tmp_path / "second" / "overrides.yaml").read_text()
    first = torch.load(tmp_path / "first/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    second = _weights(tmp_path / "second")
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert "warning" not in result.stdout
    result = command("init_from=first", "model.dim=64")
    assert result.returncode == 2
    assert "do not fit this model" in result.stderr


def test_weights_of_a_run_that_has_not_finished_come_with_a_warning(command: Command, tmp_path: Path) -> None:
    assert command("run_dir=first", "trainer.max_epochs=1").returncode == 0
    summary = _summary(tmp_path / "first") | {"status": "running"}  # as a run leaves it that was killed
    (tmp_path / "first" / "summary.json").write_text(json.dumps(summary))
    result = command("init_from=first", "trainer.max_epochs=1")
    assert result.returncode == 0, result.stderr
    [warning] = [line for line in result.stdout.splitlines() if "init_from" in line]
    assert warning.startswith("warning: init_from=")
    assert "is running, not finished" in warning


def test_what_is_wrong_with_the_data_is_one_sentence(command: Command, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("date,load\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    result = command("data=series", "data.root=short.csv", "run_dir=failed")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert _summary(tmp_path / "failed")["status"] == "failed"


def test_a_grid_makes_a_run_each(command: Command, tmp_path: Path) -> None:
    result = command("-m", "model=mlp,rnn", "trainer.max_epochs=1")
    assert result.returncode == 0, result.stderr
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    assert [_summary(folder)["model"] for folder in sorted(sweep.iterdir()) if folder.is_dir()] == ["mlp", "rnn"]


def test_every_logger_at_once(command: Command, tmp_path: Path) -> None:
    result = command("logger=[tensorboard,wandb]", "trainer.max_epochs=1", "run_dir=logged", "trainer=cpu")
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "logged"
    assert (folder / "metrics.csv").exists()
    assert list(folder.glob("tensorboard/events.*"))
    assert list(folder.glob("wandb/offline-run-*/*.wandb"))


def test_debug_runs_one_batch_of_everything(command: Command, tmp_path: Path) -> None:
    result = command("trainer=debug", "run_dir=debug")
    assert result.returncode == 0, result.stderr
    assert _summary(tmp_path / "debug")["num_steps"] == 1
    assert not (tmp_path / "debug" / "checkpoints").exists()


def test_secrets_of_the_environment_stay_there(command: Command, tmp_path: Path) -> None:
    config = "data.root=${oc.env:CANARY_PATH,data}"
    result = command("data=images", config, "run_dir=run", CANARY_PATH="/nowhere/canary-5f1c")
    assert result.returncode == 2
    assert "canary-5f1c" not in (tmp_path / "run" / "config.yaml").read_text()
    assert "oc.env:CANARY_PATH" in (tmp_path / "run" / "config.yaml").read_text()


def test_the_environment_knows_no_hidden_state(command: Command) -> None:
    """The same command twice gives the same numbers."""
    first, second = (
        command("trainer.max_epochs=1", "model=transformer", "model.num_layers=1").stdout for _ in range(2)
    )
    metrics = [[line for line in text.splitlines() if line.startswith("  test/")] for text in (first, second)]
    assert metrics[0] == metrics[1] != []
    assert os.environ.get("PYTHONHASHSEED") is None
