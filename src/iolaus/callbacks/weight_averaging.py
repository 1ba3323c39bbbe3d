"""Averages of the weights, which are validated, tested and kept while training goes on from its own: over steps, or
over the ends of epochs."""

import math
import warnings
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import EMAWeightAveraging, WeightAveraging
from torch.optim.swa_utils import get_swa_avg_fn

from iolaus.ranges import Count, Rate, Whole


class _OnceBegun(WeightAveraging):
    """Until there is an average, everything is as it would be without this callback. Lightning's own has the weights
    before any training then."""

    @property
    def _has_begun(self) -> bool:
        return self._average_model is not None and bool(self._average_model.n_averaged > 0)

    def _swap_models(self, pl_module: L.LightningModule) -> None:
        if self._has_begun:
            super()._swap_models(pl_module)

    def _copy_average_to_current(self, pl_module: L.LightningModule) -> None:
        if self._has_begun:
            super()._copy_average_to_current(pl_module)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._has_begun:
            super().on_save_checkpoint(trainer, pl_module, checkpoint)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if "averaging_state" in checkpoint:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)


class ExponentialMovingAverage(_OnceBegun, EMAWeightAveraging):
    """After each step (or every few of them) the average moves towards the weights, by 1 − decay of the way (Polyak &
    Juditsky 1992). It begins as the weights are after step `update_starting_at_step`, counted from 0."""

    def __init__(self, *, decay: Rate, update_every_n_steps: Count = 1, update_starting_at_step: Whole = 0) -> None:
        super().__init__(
            decay=decay, update_every_n_steps=update_every_n_steps, update_starting_at_step=update_starting_at_step
        )

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        steps, every = trainer.estimated_stepping_batches, self.update_every_n_steps
        if math.isfinite(steps):
            first = math.ceil((self.update_starting_at_step or 0) / every) * every
            if len(range(first, int(steps), every)) < 2:
                warnings.warn(
                    f"callbacks.ema averages nothing: a run of {steps} steps has fewer than two that "
                    f"update_every_n_steps={every} and update_starting_at_step={self.update_starting_at_step} take.",
                    stacklevel=2,
                )


class StochasticWeightAveraging(_OnceBegun):
    """The mean at the ends of epochs, from epoch `start` on (counted from 0), taken before each one's validation
    (Izmailov et al. 2018, arXiv:1803.05407).

    It does most where the learning rate stays high: with scheduler=constant, say. Statistics of batch norms are
    averaged, too, where the paper takes them anew.

    Raises:
        ValueError: beside another average of the weights.
    """

    def __init__(self, *, start: Whole) -> None:
        super().__init__(avg_fn=get_swa_avg_fn())
        self.start = start

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if sum(isinstance(callback, WeightAveraging) for callback in trainer.callbacks) > 1:  # type: ignore[attr-defined]
            raise ValueError("callbacks.swa and callbacks.ema both replace the weights: switch one off (…=null).")
        if stage == "fit" and trainer.max_epochs is not None and 0 < trainer.max_epochs <= self.start:
            warnings.warn(
                f"callbacks.swa.start={self.start} has no effect in a run of {trainer.max_epochs} epochs.", stacklevel=2
            )
        super().setup(trainer, pl_module, stage)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_last_batch and trainer.current_epoch >= self.start:
            assert self._average_model is not None
            self._average_model.update_parameters(pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """By now the epoch has been validated: the mean must stay what it was then."""
