"""Takes checkpoints: at the end of every epoch, and within long ones after so many steps or minutes."""

import math
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import Checkpoint as LightningCheckpoint

from iolaus.callbacks import run_state
from iolaus.folder.checkpoints import Checkpoints
from iolaus.ranges import NonNegative, Whole
from iolaus.tasks.task import Objective
from iolaus.training.loops import Moment


class Checkpoint(LightningCheckpoint):
    """Keeps the last checkpoint, the one before it, and the best by the task's objective.

    Its state names no paths, so a run's folder may be moved and resumed elsewhere.

    every_n_steps: also after so many steps of the optimizer; 0 for never.
    every_minutes: also when the last checkpoint is this old; 0 for never.
    """

    def __init__(self, objective: Objective, *, every_n_steps: Whole = 0, every_minutes: NonNegative = 5.0) -> None:
        self.metric, self.mode = objective
        self.every_n_steps = every_n_steps
        self.every_minutes = every_minutes
        self.best_score = -math.inf if self.mode == "max" else math.inf
        self.best_epoch: int | None = None
        self.best_metrics: dict[str, float] = {}
        self.seconds_before = 0.0  # that earlier starts of this run have trained for
        self._checkpoints: Checkpoints | None = None  # one for all saves: it remembers the digests
        self._is_validated = False
        self._is_best = False
        self._is_saved = False  # at this moment
        self._before_validation: dict[str, Any] | None = None
        self._restored: dict[str, Any] = {}
        self._started = self._saved_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """What the run has trained for, over all starts; what a kill has lost does not count."""
        return self.seconds_before + time.monotonic() - self._started

    def save(self, trainer: L.Trainer) -> None:
        """Takes a checkpoint, unless this moment has one. Others may call it in `on_settled` (training/loops.py).

        In the midst of a validation it is the checkpoint of the moment before.
        """
        if self._is_saved or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        if trainer.validating and self._before_validation:
            for callback in trainer.callbacks:  # type: ignore[attr-defined]
                callback.on_validation_epoch_end(trainer, trainer.lightning_module)  # averaged weights make way again
            content = self._before_validation
        else:
            content = _content(trainer)
        assert self._checkpoints is not None
        trainer.strategy.save_checkpoint(content, self._checkpoints.new)
        if trainer.is_global_zero:
            self._checkpoints.adopt(
                is_best=self._is_best, step=content["global_step"], epoch=content["epoch"], seconds=self.seconds
            )
        trainer.strategy.barrier()
        self._is_saved, self._saved_at = True, time.monotonic()

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self._checkpoints is None:
            self._checkpoints = Checkpoints(Path(trainer.default_root_dir))

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._started = self._saved_at = time.monotonic()
        run_state.restore_metrics(trainer, self._restored)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._is_validated = not trainer.sanity_checking
        self._before_validation = None

    def on_settled(self, trainer: L.Trainer, moment: Moment) -> None:
        self._is_saved = False
        if moment == "epoch":
            self._is_best = self._is_validated and self._improves(trainer)
            self._is_validated = False
        if moment == "epoch" or self._is_due(trainer):
            self.save(trainer)
        elif moment == "batches":  # a validation changes none of the tensors in it, so nothing is copied
            self._before_validation = _content(trainer)
        self._is_best = False

    def _is_due(self, trainer: L.Trainer) -> bool:
        if self.every_n_steps and trainer.global_step % self.every_n_steps == 0:
            return True
        if not self.every_minutes:
            return False
        is_old = time.monotonic() - self._saved_at > 60 * self.every_minutes
        return trainer.strategy.reduce_boolean_decision(is_old, all=False)

    def keep(self, trainer: L.Trainer) -> None:
        """Saves a model that has nothing to learn, after its validation: it is the last and the best at once."""
        self.best_metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        self._is_best = True
        self.save(trainer)

    def _improves(self, trainer: L.Trainer) -> bool:
        score = trainer.callback_metrics[self.metric].item()
        is_best = score > self.best_score if self.mode == "max" else score < self.best_score
        if is_best:
            self.best_score, self.best_epoch = score, trainer.current_epoch - 1
            self.best_metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        return is_best

    def state_dict(self) -> dict[str, Any]:
        names = "best_score", "best_epoch", "best_metrics", "_is_validated"
        return {name.lstrip("_"): getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score, self.best_epoch = state_dict["best_score"], state_dict["best_epoch"]
        self.best_metrics, self._is_validated = state_dict["best_metrics"], state_dict.get("is_validated", False)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["run"] = run_state.capture(trainer)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self._restored = checkpoint.get("run", {})
        run_state.restore(trainer, self._restored)


def _content(trainer: L.Trainer) -> dict[str, Any]:
    return trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
