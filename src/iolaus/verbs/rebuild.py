"""Rebuilds a finished run's model, and data as that model sees them, from its folder alone."""

from pathlib import Path

import torch
from omegaconf import DictConfig

from iolaus.config import build
from iolaus.config.values import refuse_unfit
from iolaus.config.weights import misfit
from iolaus.data.module import DataModule
from iolaus.folder.run_folder import RunFolder, read_checkpoint
from iolaus.tasks.task import Task

_PARTS = ("data", "model", "initializer", "finetune", "loss", "optimizer", "scheduler", "task")


def rebuild(run: RunFolder, tested: DictConfig | None = None, weights: Path | None = None) -> tuple[Task, DataModule]:
    """The task with its best weights, in evaluation mode, and a data module with the run's tokenizer, scale, classes.

    `tested` is the whole config whose data and task to build instead of the run's own; `weights` are the checkpoint or
    snapshot to take instead of the best one.

    Raises:
        ValueError: if the run has no checkpoint, or its config does not fit the code or names what may not be built.
    """
    config = run.config
    refuse_unfit(config, tuple(part for part in _PARTS if part in config or part != "finetune"))
    checkpoint = read_checkpoint(weights) if weights else run.checkpoint()
    data = build.build_data(tested or config)
    try:
        data.load_state_dict(run.data_state(checkpoint))
        reason = misfit(config, data.input, data.target, checkpoint["state_dict"])
        if reason:
            raise RuntimeError(reason)
        with torch.random.fork_rng(devices=[]):  # the weights are about to be replaced: their draws must not be felt
            model = build.build_model(config, data.input, data.target)
        build.build_finetuning(config).adapt(model)
        task = build.build_task(tested or config, model, data.input, data.target)
        task.load_state_dict(checkpoint["state_dict"])
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"{weights or run.best} does not fit its run's config ({reason}).") from error
    return task.eval(), data


def read(data: DataModule, name: str) -> None:
    """Reads the data of a run that was rebuilt.

    Raises:
        ValueError: if they have other sizes than its model was built for.
    """
    learned = (data.input, data.target)
    data.prepare_data()
    data.setup()
    if (data.input, data.target) != learned:
        raise ValueError(
            f"data={name} gives {data.input} → {data.target}, but the run's model reads {learned[0]} → {learned[1]}."
        )
