"""Regression: what a test reports is what scikit-learn makes of the same predictions."""

from pathlib import Path

import pytest
import torch
from sklearn.metrics import r2_score
from torch import nn

from iolaus.spec import Number
from iolaus.tasks.regress import Regress
from tests.tasks.test_metrics import answer, parts


def test_regression(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(45, generator=generator) + 1
    outputs = targets + 0.3 * torch.randn(45, generator=generator)
    metrics = answer(Regress(nn.Identity(), Number("weight"), *parts(nn.MSELoss())), outputs, targets, tmp_path)
    error = outputs - targets
    expected = {
        "test/loss": error.square().mean().item(),
        "test/mse": error.square().mean().item(),
        "test/mae": error.abs().mean().item(),
        "test/r2": r2_score(targets, outputs),
    }
    assert metrics == pytest.approx(expected, rel=1e-4)
    assert (tmp_path / "regression.png").stat().st_size > 1000


def test_numbers_that_are_all_the_same_have_no_variance_to_explain(tmp_path: Path) -> None:
    task = Regress(nn.Identity(), Number("weight"), *parts(nn.MSELoss()))
    assert answer(task, torch.randn(9), torch.ones(9), tmp_path)["test/r2"] == 0.0
