"""What may happen to a run, and when: `Fault("SIGKILL", "validation", 7)` strikes in a validation after step 7.

A fault is armed in the process that it is to strike, from outside: it wraps what Lightning and the operating system
are called by. The code of a run knows nothing of it.
"""

import errno
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

Kind = Literal["SIGKILL", "SIGTERM", "SIGINT", "exception", "full disk", "lost rank"]
Phase = Literal["start", "first step", "train step", "between batches", "validation", "epoch end", "save", "test"]

# The hook at which each phase is struck. A save is not a hook: it is struck between two operations on the disk.
_HOOKS = {
    "start": "on_fit_start",
    "first step": "on_after_backward",
    "train step": "on_after_backward",
    "between batches": "on_train_batch_start",
    "validation": "on_validation_batch_start",
    "epoch end": "on_train_epoch_end",
    "test": "on_test_batch_start",
}
# What a save does, in this order; `os.replace` and `os.fsync` several times.
NUM_DISK_OPERATIONS = 9


class InjectedError(Exception):
    """Raised in the midst of a run, as a mistake in anybody's code might be."""


@dataclass(frozen=True)
class Fault:
    """A kind of interruption, the phase in which it strikes, and the step of the optimizer from which on it may.

    operation: in a save, how many operations on the disk come before it; of a full disk, 0 says that it is full
        already, anything else that it becomes so within the save.
    rank: which of a run's processes is lost.
    """

    kind: Kind
    phase: Phase
    step: int = 0
    operation: int = 0
    rank: int = 0

    def __str__(self) -> str:
        return f"{self.kind} in {self.phase}"

    def arm(self) -> None:
        if self.kind == "lost rank":
            self._arm_rank()
        elif self.kind == "full disk":
            self._fill_disk()
        elif self.phase == "save":
            self._wait_for_save()
        else:
            self._wait_for_hook(_HOOKS[self.phase])

    def strike(self) -> None:
        if self.kind == "exception":
            raise InjectedError("this is a drill")
        os.kill(os.getpid(), signal.Signals[self.kind])

    def _wait_for_hook(self, hook: str) -> None:
        from lightning.pytorch.trainer import call

        original, strike = call._call_callback_hooks, _once(self.strike)

        def wrapped(trainer: Any, hook_name: str, *arguments: Any, **options: Any) -> None:
            if hook_name == hook and self._is_time(trainer):
                strike()
            original(trainer, hook_name, *arguments, **options)

        call._call_callback_hooks = wrapped

    def _is_time(self, trainer: Any) -> bool:
        if self.phase == "first step":
            return trainer.global_step == 0
        # Where a step accumulates batches, some of its gradients are there, and some are not.
        is_between = trainer.fit_loop.epoch_loop.batch_idx % trainer.accumulate_grad_batches != 0
        if self.phase == "between batches" and trainer.accumulate_grad_batches > 1 and not is_between:
            return False
        return trainer.global_step >= self.step

    def _arm_rank(self) -> None:
        """Leaves it to one of the processes that the run starts, to kill itself."""
        from tests.faults import rank

        rank.lost_by = replace(self, kind="SIGKILL")

    def _wait_for_save(self) -> None:
        """Counts what the save does to the disk, and strikes before one of its operations, or after the last."""
        from iolaus.callbacks.checkpoint import Checkpoint

        original, strike, counter = Checkpoint.save, _once(self.strike), _Operations(self.operation)

        def save(checkpoint: Checkpoint, trainer: Any) -> None:
            is_awaited = trainer.global_step >= self.step
            with counter.counting(strike if is_awaited else _nothing):
                original(checkpoint, trainer)
            if is_awaited:
                strike()

        Checkpoint.save = save

    def _fill_disk(self) -> None:
        from iolaus.training import checkpoint_io

        if self.operation == 0:
            usage = shutil.disk_usage("/")
            checkpoint_io.shutil.disk_usage = lambda _: usage._replace(free=1000)
        else:
            original = checkpoint_io.torch.save
            checkpoint_io.torch.save = lambda value, file: original(value, _FullFile(file))


class _FullFile:
    """A file on a disk that has little room left."""

    def __init__(self, file: Any, room: int = 2000) -> None:
        self._file, self._room = file, room

    def write(self, content: Any) -> int:
        self._room -= len(content)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Operations:
    """Calls that change what is on the disk."""

    def __init__(self, number: int) -> None:
        self._number = number

    def counting(self, strike: Callable[[], None]) -> "_Operations":
        self._strike, self._left = strike, self._number
        return self

    def __enter__(self) -> None:
        self._originals = {name: getattr(os, name) for name in ("fsync", "replace", "link")}
        for name, original in self._originals.items():
            setattr(os, name, self._counted(original))

    def __exit__(self, *_: Any) -> None:
        for name, original in self._originals.items():
            setattr(os, name, original)

    def _counted(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._left == 0:
                self._strike()
            self._left -= 1
            return original(*arguments, **options)

        return call


def _nothing() -> None:
    pass


def _once(action: Callable[[], None]) -> Callable[[], None]:
    is_done = False

    def act() -> None:
        nonlocal is_done
        if not is_done:
            is_done = True
            action()

    return act
