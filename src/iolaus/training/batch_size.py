"""`trainer.batch_size=auto`: the largest batch that fits, found by training steps on batches of growing size."""

import copy
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from iolaus.data.module import DataModule
from iolaus.optimizers import parameter_groups
from iolaus.tasks.meter import Meter
from iolaus.tasks.task import Task
from iolaus.training.memory import OutOfMemoryError, advice_for_training, free_bytes, is_out_of_memory
from iolaus.training.trainer import Trainer

log = logging.getLogger(__name__)

_SHARE_OF_FREE_MEMORY = 0.8
_MAX_SECONDS_PER_STEP = 60.0


def find_batch_size(trainer: Trainer, task: Task, data: DataModule) -> int:
    """A power of two. Model and means are left as they were.

    A GPU says itself when it is full. A CPU is never filled: a size is tried only if twice the memory of the size
    before is well within what is free.

    Raises:
        OutOfMemoryError: if not even one sample fits.
    """
    before = copy.deepcopy(task.state_dict())
    device = trainer.strategy.root_device
    task.to(device)
    try:
        if device.type == "cpu":
            found = _grow(_measured(lambda size: _step(trainer, task, data, size), free_bytes()), len(data.train))
        else:
            found = _grow(lambda size: _fits(lambda: _step(trainer, task, data, size)), len(data.train))
    finally:
        task.load_state_dict(before)
        task.meters["train"] = Meter()
    if found == 0:
        raise OutOfMemoryError(f"out of memory on {device.type} with data.batch_size=1: {advice_for_training(1)}")
    log.info("trainer.batch_size=auto: data.batch_size=%d", found)
    return found


def _grow(fits: Callable[[int], bool], most: int) -> int:
    """The largest power of two, up to `most`, of which `fits` says yes; 0 if there is none.

    It begins with two samples: batch norm has nothing to learn from a single one, and refuses it.
    """
    size = 2
    if most < size or not fits(size):
        return int(fits(1))
    while 2 * size <= most and fits(2 * size):
        size *= 2
    return size


def _fits(step: Callable[[], None]) -> bool:
    try:
        step()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        torch.accelerator.empty_cache()
    return True


def _measured(step: Callable[[int], None], free: int) -> Callable[[int], bool]:
    """Says of growing sizes whether they fit, by what the size before took."""
    needed, seconds, before = 0, 0.0, 1

    def fits(size: int) -> bool:
        nonlocal needed, seconds, before
        growth, before = size / before, size
        if growth * needed > _SHARE_OF_FREE_MEMORY * free or growth * seconds > _MAX_SECONDS_PER_STEP:
            return False
        _forget_peak()
        started, held = time.perf_counter(), _memory("VmRSS")
        step(size)
        seconds = time.perf_counter() - started
        needed = max(needed if growth > 1 else 0, _memory("VmHWM") - held)
        return needed <= _SHARE_OF_FREE_MEMORY * free

    return fits


def _step(trainer: Trainer, task: Task, data: DataModule, size: int) -> None:
    """One training step on the longest samples there are, with an optimizer of its own."""
    lengths: Any = getattr(data.train, "lengths", None)
    index = torch.arange(size) if lengths is None else torch.as_tensor(lengths).argsort(descending=True)[:size]
    batch = replace(data.train.batch(index), seed=0).to(trainer.strategy.root_device)
    optimizer = task.optimizer(parameter_groups(task.model))
    task.train()
    with trainer.precision_plugin.train_step_context():
        loss = task.training_step(data.on_after_batch_transfer(batch, 0), 0)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _forget_peak() -> None:
    """Linux measures the peak anew from here; elsewhere it is that of the whole process, which only grows."""
    peak = Path("/proc/self/clear_refs")
    if os.access(peak, os.W_OK):
        peak.write_text("5")


def _memory(name: str) -> int:
    """VmRSS: what this process holds; VmHWM: the most it held. In bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
