"""Rebuilds a finished run's model, and data as that model sees them, from its folder alone."""

import torch
from omegaconf import DictConfig

from iolaus.config import build
from iolaus.config.check import refuse_unknown_targets
from iolaus.data.module import DataModule
from iolaus.folder import RunFolder
from iolaus.tasks.task import Task


def rebuild(run: RunFolder, data_config: DictConfig | None = None) -> tuple[Task, DataModule]:
    """The task with its best weights, in evaluation mode, and a data module with the run's tokenizer, scale, classes.

    `data_config` is the whole config whose data to build instead of the run's own.

    Raises:
        ValueError: if the run has no checkpoint, or its config names a class that may not be built.
    """
    config = run.config
    refuse_unknown_targets(config)
    checkpoint = run.checkpoint()
    data = build.build_data(data_config or config)
    data.load_state_dict(run.data_state(checkpoint))
    with torch.random.fork_rng(devices=[]):  # the weights are about to be replaced: their draws must not be felt
        model = build.build_model(config, data.input, data.target)
    build.build_finetuning(config).adapt(model)
    task = build.build_task(config, model, data.input, data.target)
    task.load_state_dict(checkpoint["state_dict"])
    return task.eval(), data
