"""Keeps two checkpoints: the last, to go on from, and the best by the task's objective."""

import math
import os
import shutil
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import Checkpoint as LightningCheckpoint

from iolaus.tasks.task import Objective


class Checkpoint(LightningCheckpoint):
    """Writes checkpoints/last.ckpt after every epoch, and copies it to best.ckpt when it is the best so far.

    Its state names no paths, so a run's folder may be moved and resumed elsewhere.
    """

    def __init__(self, objective: Objective) -> None:
        self.metric, self.mode = objective
        self.best_score = -math.inf if self.mode == "max" else math.inf
        self.best_epoch: int | None = None
        self.best_metrics: dict[str, float] = {}
        self._is_validated = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._is_validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        is_best = self._is_validated and self._improves(trainer)
        self._is_validated = False
        folder = Path(trainer.default_root_dir) / "checkpoints"
        self.save(trainer)
        if is_best and trainer.is_global_zero:
            shutil.copyfile(folder / "last.ckpt", folder / "best.ckpt.partial")
            os.replace(folder / "best.ckpt.partial", folder / "best.ckpt")

    def save(self, trainer: L.Trainer) -> None:
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt")

    def keep(self, trainer: L.Trainer) -> None:
        """Writes a model that has nothing to learn, after its validation: it is the last and the best at once."""
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        self.best_metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        for name in ("last", "best"):
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "checkpoints" / f"{name}.ckpt")

    def _improves(self, trainer: L.Trainer) -> bool:
        score = trainer.callback_metrics[self.metric].item()
        is_best = score > self.best_score if self.mode == "max" else score < self.best_score
        if is_best:
            self.best_score, self.best_epoch = score, trainer.current_epoch
            self.best_metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        return is_best

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": self.best_score, "best_epoch": self.best_epoch, "best_metrics": self.best_metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score, self.best_epoch = state_dict["best_score"], state_dict["best_epoch"]
        self.best_metrics = state_dict["best_metrics"]
