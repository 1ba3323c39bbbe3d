"""Stops a run whose objective has not improved for a while."""

from lightning.pytorch.callbacks import EarlyStopping as LightningEarlyStopping

from iolaus.ranges import Count, NonNegative
from iolaus.tasks.task import Objective


class EarlyStopping(LightningEarlyStopping):
    """Lightning's, watching the task's objective.

    patience: validations without an improvement of more than `min_delta`.
    """

    def __init__(self, objective: Objective, *, patience: Count, min_delta: NonNegative = 0.0) -> None:
        metric, mode = objective
        super().__init__(metric, mode=mode, patience=patience, min_delta=min_delta)
