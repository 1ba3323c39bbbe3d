"""Lightning's loops, with moments at which a checkpoint can be taken that a resumed run goes on from exactly.

At Lightning's own hooks a step or an epoch is never quite over: counters, the plateau's schedule and rows of metrics
come after them, and a run that is resumed from such a checkpoint leaves them out. So callbacks that have a method
`on_settled(trainer, moment)` are called when everything is done, and nothing of what follows has begun:

    step        an optimizer step, with all that belongs to it; another step follows
    batches     the same, but it is validation that follows
    epoch       an epoch, its validation and all its metrics

The checkpoint callback is called first, so that the others can rely on its having judged the epoch.
"""

from typing import Any, Literal

import lightning.pytorch as L
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loops.fetchers import _DataFetcher
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

Moment = Literal["step", "batches", "epoch"]


def install(trainer: L.Trainer) -> None:
    """Gives a new trainer these loops in place of its own."""
    loop = trainer.fit_loop
    limits = loop.epoch_loop.min_steps, loop.epoch_loop.max_steps
    trainer.fit_loop = FitLoop(trainer, loop.min_epochs, loop.max_epochs)
    trainer.fit_loop.epoch_loop = EpochLoop(trainer, *limits)


class FitLoop(_FitLoop):
    """Epoch after epoch."""

    def setup_data(self) -> None:
        super().setup_data()
        # The length of a schedule is asked for, and the data are set up, before a checkpoint has told where they were.
        self._load_combined_loader_states()

    def on_advance_end(self) -> None:
        self._restarting = False  # else the plateau's schedule would miss the epoch that was resumed
        super().on_advance_end()
        _settle(self.trainer, "epoch")

    def _iteration_based_training(self) -> bool:
        """With `max_steps`, Lightning takes each checkpoint for one from within an epoch. Ours say what they are."""
        return False


class EpochLoop(_TrainingEpochLoop):
    """The batches of one epoch, and the validations between or after them."""

    _is_validation_ahead = False

    def advance(self, data_fetcher: _DataFetcher) -> None:
        if self.restarting and self._is_validation_ahead:
            self.val_loop.restarting = False  # it begins anew
            return
        super().advance(data_fetcher)

    def on_advance_end(self, data_fetcher: _DataFetcher) -> None:
        if self._skip_next_val:  # the checkpoint was taken after all that follows here
            self._skip_next_val = False
            return
        self._is_validation_ahead = not self._should_accumulate() and self._should_check_val_fx(data_fetcher)
        if self._is_validation_ahead:
            _settle(self.trainer, "batches")
        super().on_advance_end(data_fetcher)
        self._is_validation_ahead = False
        if not self._should_accumulate() and not self.done:
            _settle(self.trainer, "step")

    def on_save_checkpoint(self) -> dict[str, Any]:
        return super().on_save_checkpoint() | {"is_validation_ahead": self._is_validation_ahead}

    def on_load_checkpoint(self, state_dict: dict[str, Any]) -> None:
        super().on_load_checkpoint(state_dict)
        self._is_validation_ahead = state_dict.get("is_validation_ahead", False)


def _settle(trainer: L.Trainer, moment: Moment) -> None:
    for callback in sorted(trainer.callbacks, key=lambda callback: not isinstance(callback, Checkpoint)):  # type: ignore[attr-defined]
        hook = getattr(callback, "on_settled", None)
        if hook is not None:
            hook(trainer, moment)
