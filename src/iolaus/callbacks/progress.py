"""Shows how far a run is: a bar on a terminal, and one line per epoch that also reads well in a log."""

import logging
import sys
import time
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

log = logging.getLogger(__name__)


class Progress(Callback):
    """The bar counts batches and shows no metrics: reading one would make every step wait for the device."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._epoch = 0
        self._started = 0.0
        self._seconds: float | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        num_done = trainer.fit_loop.epoch_loop.batch_progress.current.ready
        if 0 < num_done < trainer.num_training_batches:  # resumed within an epoch: it does not start again
            self._begin(trainer, num_done)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._report(trainer)
        self._begin(trainer, 0)

    def _begin(self, trainer: L.Trainer, num_done: int) -> None:
        self._epoch, self._started = trainer.current_epoch + 1, time.perf_counter()
        if trainer.is_global_zero and sys.stderr.isatty():
            label = f"epoch {trainer.current_epoch + 1}{_of(trainer)}"
            total = int(trainer.num_training_batches)
            self._bar = tqdm(total=total, initial=num_done, desc=label, leave=False, mininterval=0.2)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar is not None:
            self._bar.update()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close()
        self._seconds = time.perf_counter() - self._started

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._report(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._close()

    def _report(self, trainer: L.Trainer) -> None:
        """Only now, after the hooks of the epoch's end, are all its metrics there."""
        if self._seconds is not None:
            log.info(_epoch_line(self._epoch, self._seconds, trainer))
            self._seconds = None

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _epoch_line(epoch: int, seconds: float, trainer: L.Trainer) -> str:
    metrics = trainer.callback_metrics
    order = sorted(metrics, key=lambda name: (name.startswith("val/"), not name.endswith("/loss"), name))
    shown = "  ".join(f"{name} {_short(metrics[name].item())}" for name in order)
    return f"epoch {epoch:>3}{_of(trainer)}  {shown}  ({seconds:.1f} s)"


def _of(trainer: L.Trainer) -> str:
    """Nothing for a run without end."""
    return f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""


def _short(value: float) -> str:
    """Four decimals, unless they would be zeros."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.2e}"
