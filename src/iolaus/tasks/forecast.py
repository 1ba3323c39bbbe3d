"""Forecasting: the next steps of every channel of a series."""

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.losses import Quantile
from iolaus.spec import Forecast as ForecastTarget
from iolaus.tasks.task import Objective, Task

_MAX_DRAWN_CHANNELS = 8


class Forecast(Task):
    """Predicts the horizon of every channel. Errors are on scaled values, as the literature reports them."""

    wants: ClassVar[tuple[type, ...]] = (ForecastTarget,)
    objective: ClassVar[Objective] = ("val/mse", "min")

    _example: tuple[Tensor, Tensor, Tensor] | None = None

    @staticmethod
    def suits(loss: nn.Module) -> bool:
        came = torch.tensor([[[-1.0], [2.0], [0.5]]])  # (B, horizon, channels)
        try:
            return bool(loss(came, came) == 0 and loss(came + 1, came) == loss(came - 1, came) > 0)
        except (RuntimeError, ValueError, IndexError):
            return False

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        error = output - target
        return {"mse": error.square().mean(), "mae": error.abs().mean()}

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        _, output = self.step(batch, "test")
        assert batch.target is not None
        self._example = (batch.input[-1].cpu(), batch.target[-1].cpu(), output[-1].detach().cpu())

    def write_report(self, folder: Path) -> None:
        """Draws the last test window: what the model saw, what came, what it said."""
        if self._example is None:
            return
        past, future, forecast = self._example
        _draw(past, future, forecast, folder / "forecast.png")


class ForecastQuantile(Forecast):
    """Predicts a value that what comes stays under with the loss's probability, for every step of every channel.

    The best epoch is the one with the least of that loss: a mean squared error would choose the middle. `coverage` is
    how much really stayed under it.
    """

    objective: ClassVar[Objective] = ("val/loss", "min")

    @staticmethod
    def suits(loss: nn.Module) -> bool:
        return isinstance(loss, Quantile)

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"coverage": (target <= output).float().mean()}


def _draw(past: Tensor, future: Tensor, forecast: Tensor, path: Path) -> None:
    from matplotlib.figure import Figure  # 0.3 s that only a finished test pays

    num_channels = min(past.shape[-1], _MAX_DRAWN_CHANNELS)
    figure = Figure(figsize=(9, 1.6 * num_channels + 1), layout="constrained")
    steps = torch.arange(len(past) + len(future))
    for channel, axes in enumerate(figure.subplots(num_channels, sharex=True, squeeze=False)[:, 0]):
        axes.plot(steps[: len(past)], past[:, channel], color="0.5", label="seen")
        axes.plot(steps[len(past) :], future[:, channel], color="0.1", label="came")
        axes.plot(steps[len(past) :], forecast[:, channel], color="C1", label="forecast")
        axes.set_ylabel(f"channel {channel}")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3, frameon=False)
    figure.axes[-1].set_xlabel("step (values are scaled)")
    figure.savefig(path, dpi=120)
