"""A run with nothing to train: tested straight away, and otherwise a run like any other."""

import json
from pathlib import Path

import pytest
import torch

from iolaus.config import build
from iolaus.config.compose import compose
from tests.conftest import Command


def test_a_model_without_weights_is_tested_straight_away(command: Command, tmp_path: Path) -> None:
    result = command("model=seasonal_value", "run_dir=run", "model.period=52")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("nothing to train") == 1
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert (summary["num_parameters"], summary["num_epochs"], summary["num_steps"]) == (0, 0, 0)

    data = build.build_data(compose(["data=co2"]).config)
    data.setup()
    for part, split in (("val", data.val), ("test", data.test)):
        batch = split.batch(torch.arange(len(split)))
        last_year = batch.input[:, -52:][:, : batch.target.shape[1]]
        assert summary[f"{part}/mse"] == pytest.approx((last_year - batch.target).square().mean().item(), rel=1e-4)

    evaluated = command("evaluate", "run", verb=True)
    assert evaluated.returncode == 0, evaluated.stderr
    assert f"{summary['test/mse']:.4f}" in evaluated.stdout


def test_it_can_be_tried_without_leaving_anything(command: Command, tmp_path: Path) -> None:
    result = command("model=last_value", "run_dir=run", "trainer=debug")
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "run" / "checkpoints").exists()
