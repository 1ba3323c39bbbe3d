"""L1: draws weights to zero, all at the same pace, so that many end near it (Tibshirani 1996)."""

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback

from iolaus.optimizers.groups import UNDECAYED
from iolaus.ranges import Positive


class L1(Callback):
    """Adds `strength` · Σ |w| to what training makes small, over the weights that a weight decay would reach.

    It goes into the gradients, after those of a step's batches are together and before they are clipped: losses are
    reported without it.
    """

    def __init__(self, *, strength: Positive) -> None:
        self.strength = strength

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        for group in optimizer.param_groups:
            if group["name"] == UNDECAYED:
                continue
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.grad.add_(weight.detach().sign(), alpha=self.strength)
