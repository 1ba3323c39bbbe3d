"""Snapshots: the weights at the end of each cycle of a schedule that restarts, to be an ensemble of one run (Huang et
al. 2017, arXiv:1704.00109)."""

import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import Callback

from iolaus.folder.snapshots import Snapshots as Folder
from iolaus.ranges import Count
from iolaus.tasks.task import Task


class Snapshots(Callback):
    """Keeps them in RUN/snapshots, for `iolaus ensemble RUN --snapshots`.

    A snapshot is on the disk before any checkpoint of the same step, so that a run which goes on from one has all that
    came before. With averaged weights it is the average that is kept.

    last: how many, the latest ones.
    """

    def __init__(self, *, last: Count) -> None:
        self.last = last
        self._step = 0  # of the optimizer, before the batch at hand

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not _cycle_ends(pl_module):
            warnings.warn(
                f"callbacks.snapshots.last={self.last} has no effect, because the schedule never restarts: "
                "type scheduler=cosine_restarts.",
                stacklevel=2,
            )

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        ends = _cycle_ends(pl_module)
        made_a_step = trainer.global_step > self._step  # not so while batches are accumulated
        if made_a_step and trainer.global_step in ends and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._keep(trainer, 1 + ends.index(trainer.global_step))

    def _keep(self, trainer: L.Trainer, cycle: int) -> None:
        folder = Folder(Path(trainer.default_root_dir))
        checkpoint = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
        data = type(trainer.datamodule).__qualname__  # type: ignore[attr-defined]
        content = {name: checkpoint[name] for name in ("epoch", "global_step", "state_dict", data)}
        trainer.strategy.save_checkpoint(content, folder.new)
        if trainer.is_global_zero:
            folder.adopt(cycle, last=self.last, epoch=content["epoch"], step=content["global_step"])
        trainer.strategy.barrier()


def _cycle_ends(task: L.LightningModule) -> tuple[int, ...]:
    assert isinstance(task, Task)
    return task.cycle_ends
