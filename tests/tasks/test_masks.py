"""Segmentation: what a test reports is what torchmetrics makes of the same predictions."""

import csv
from pathlib import Path

import pytest
import torch
from torch import nn
from torchmetrics.functional.classification import multiclass_jaccard_index

from iolaus.losses import CrossEntropy
from iolaus.spec import Mask
from iolaus.tasks.segment import Segment, intersection_over_union
from tests.tasks.test_metrics import answer, parts

NAMES = ("ground", "tree", "house")


def test_segmentation(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(13, 3, 6, 8, generator=generator)
    targets = torch.randint(3, (13, 6, 8), generator=generator)
    metrics = answer(Segment(nn.Identity(), Mask(NAMES), *parts(CrossEntropy())), outputs, targets, tmp_path)
    each = multiclass_jaccard_index(outputs, targets, 3, average="none")
    expected = {
        "test/loss": nn.functional.cross_entropy(outputs, targets).item(),
        "test/accuracy": (outputs.argmax(1) == targets).float().mean().item(),
        "test/iou": each.mean().item(),
    }
    assert metrics == pytest.approx(expected, rel=1e-5)
    with (tmp_path / "iou.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["class", "iou"]
    assert [(name, pytest.approx(float(iou))) for name, iou in rows] == list(zip(NAMES, each.tolist(), strict=True))
    assert (tmp_path / "segments.png").stat().st_size > 1000


def test_a_class_that_never_occurs_does_not_count() -> None:
    counts = torch.tensor([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    each = intersection_over_union(counts)
    assert each[:2].tolist() == pytest.approx([3 / 4, 4 / 5])
    assert each[2].isnan()
