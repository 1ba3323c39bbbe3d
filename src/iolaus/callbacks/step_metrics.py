"""Logs what happens within an epoch: loss, gradient norm and learning rate, every `trainer.log_every_n_steps`."""

from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback


class StepMetrics(Callback):
    """Writes step/loss, step/gradient_norm (before clipping) and step/learning_rate (of the first parameter group).

    Nothing is computed, and the device is not waited for, on the steps between.
    """

    def __init__(self) -> None:
        self._gradient_norm: torch.Tensor | None = None

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if self._is_due(trainer):
            gradients = [parameter.grad for parameter in pl_module.parameters() if parameter.grad is not None]
            self._gradient_norm = torch.nn.utils.get_total_norm(gradients)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._gradient_norm is None:
            return
        metrics = {
            "epoch": trainer.current_epoch,
            "step/loss": float(outputs["loss"]),
            "step/gradient_norm": float(self._gradient_norm),
            "step/learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
        }
        self._gradient_norm = None
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step=trainer.global_step - 1)

    @staticmethod
    def _is_due(trainer: L.Trainer) -> bool:
        return (trainer.global_step + 1) % trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
