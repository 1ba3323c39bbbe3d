"""Regression: a number per sample."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.spec import Number
from iolaus.tasks.forecast import Forecast
from iolaus.tasks.task import Objective, Task

_MAX_DRAWN = 2000  # points


class Regress(Task):
    """Predicts the target's number. Errors are on scaled numbers, whose variance over the training samples is 1.

    R² is the share of the variance that the predictions explain: 0 for always the mean, below 0 for worse than that.
    """

    wants: ClassVar[tuple[type, ...]] = (Number,)
    objective: ClassVar[Objective] = ("val/mse", "min")

    suits = staticmethod(Forecast.suits)

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        error = output - target
        return {
            "mse": error.square().mean(),
            "mae": error.abs().mean(),
            "level": target.mean(),  # this and the next are for R², which is no mean over batches
            "square": target.square().mean(),
        }

    def means(self, stage: str) -> dict[str, float]:
        found = super().means(stage)
        if not found:
            return found
        variance = found.pop("square") - found.pop("level") ** 2
        return found | {"r2": 1 - found["mse"] / variance if variance > 0 else 0.0}

    def on_test_epoch_start(self) -> None:
        self._answers: list[Tensor] = []

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        _, output = self.step(batch, "test")
        assert batch.target is not None
        if sum(map(len, self._answers)) < _MAX_DRAWN:
            self._answers.append(torch.stack([batch.target, output], dim=1).cpu())  # (B, 2)

    def write_report(self, folder: Path) -> None:
        """Draws what was predicted over what was right."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        answers = torch.cat(self._answers)[:_MAX_DRAWN]
        _draw(answers if data is None else data.unscale(answers), self.target, folder / "regression.png")


def _draw(answers: Tensor, target: Any, path: Path) -> None:
    from matplotlib.figure import Figure  # 0.3 s that only a finished test pays

    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    right, predicted = answers.double().unbind(1)
    ends = [right.min().item(), right.max().item()]
    axes.plot(ends, ends, color="0.6", linewidth=1)
    axes.scatter(right, predicted, s=8, alpha=0.5, edgecolors="none")
    axes.set_xlabel(f"{target.name}, in truth")
    axes.set_ylabel("predicted")
    figure.savefig(path, dpi=120)
