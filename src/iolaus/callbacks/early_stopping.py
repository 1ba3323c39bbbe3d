"""Stops a run whose objective has not improved for a while."""

import logging

import lightning.pytorch as L
from lightning.pytorch.callbacks import EarlyStopping as LightningEarlyStopping

from iolaus.ranges import Count, NonNegative
from iolaus.tasks.task import Objective

log = logging.getLogger(__name__)


class EarlyStopping(LightningEarlyStopping):
    """Lightning's, watching the task's objective.

    patience: validations without an improvement of more than `min_delta`.
    """

    def __init__(self, objective: Objective, *, patience: Count, min_delta: NonNegative = 0.0) -> None:
        metric, mode = objective
        super().__init__(metric, mode=mode, patience=patience, min_delta=min_delta)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.stopped_epoch:
            log.info("stopped early: %s has not improved for %d validations", self.monitor, self.wait_count)
