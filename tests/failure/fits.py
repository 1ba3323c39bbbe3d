"""Runs in this process, built as a command builds them, with a way in for what is to go wrong."""

from pathlib import Path
from typing import Any

import torch

from iolaus.config import build
from iolaus.config.compose import compose
from iolaus.data.module import DataModule
from iolaus.tasks.task import Task
from iolaus.training.trainer import Trainer


def parts(folder: Path, *overrides: str, **more: Any) -> tuple[Trainer, Task, DataModule]:
    """Trainer, task and data of `python train.py …`, on the CPU and, unless given, without loggers."""
    config = compose(["trainer=cpu", "trainer.max_epochs=2", "+trainer.limit_train_batches=6", *overrides]).config
    data = build.build_data(config)
    data.setup()
    model = build.build_model(config, data.input, data.target)
    task = build.build_task(config, model, data.input, data.target)
    callbacks = [*build.build_callbacks(config, task.objective), *more.pop("callbacks", [])]
    parts_given = {"logger": False, **more}
    trainer = build.build_trainer(config, model, callbacks=callbacks, default_root_dir=folder, **parts_given)
    return trainer, task, data


def batches_of(data: DataModule, epoch: int = 0) -> list[list[int]]:
    """The indices of each training batch of an epoch."""
    return [index.tolist() for index in data.train_dataloader().order.batches(epoch)]


def weights(task: Task) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in task.state_dict().items()}
