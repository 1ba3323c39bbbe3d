"""Finds what is wrong with a composed config before any data are read: one sentence per mistake.

First every key and value against the real signatures; then whether data, task and model fit; last, and only if all that
is well, everything is built for trial: the model on the meta device, the rest on a dummy parameter.
"""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from iolaus.config import build
from iolaus.config.compose import CONF, Composed, options
from iolaus.config.rehearsal import rehearse
from iolaus.config.targets import resolve
from iolaus.config.values import check_values
from iolaus.data.module import DataModule
from iolaus.layers.heads import head
from iolaus.loggers.run_logger import Identity
from iolaus.optimizers.sharding import works_on_slices
from iolaus.schedulers import Horizon


def check(composed: Composed) -> list[str]:
    """Every mistake found, in sentences; empty if the config can run."""
    return check_values(composed.config) or _kinds(composed) or _trial(composed)


def _kinds(composed: Composed) -> list[str]:
    """Whether the model reads what the data give, and the task can learn it."""
    config, choices = composed.config, composed.choices
    input_kind, target_kind = build.target_of(config, "data").gives
    model, task = build.target_of(config, "model"), build.task_class(config)
    problems = []
    if input_kind not in model.reads:
        able = ", ".join(name for name, other in _choices("model") if input_kind in other.reads)
        problems.append(
            f"model={choices['model']} cannot read {input_kind.__name__}, which data={choices['data']} gives; "
            f"models that can: {able}."
        )
    if task.reads and input_kind not in task.reads:
        able = ", ".join(
            name for name, other in _choices("data") if other.gives[0] in task.reads and other.gives[1] in task.wants
        )
        problems.append(
            f"task={choices['task']} learns from {' or '.join(kind.__name__ for kind in task.reads)}, but "
            f"data={choices['data']} gives {input_kind.__name__}; data that do: {able}."
        )
    elif target_kind not in task.wants:
        able = ", ".join(
            name
            for name, other in _choices("task")
            if target_kind in other.wants and (not other.reads or input_kind in other.reads)
        )
        problems.append(
            f"task={choices['task']} cannot learn {target_kind.__name__}, which data={choices['data']} gives; "
            f"tasks that can: {able}."
        )
    return problems


def _choices(group: str) -> Iterator[tuple[str, Any]]:
    for name in options(group):
        yield name, resolve(group, OmegaConf.select(OmegaConf.load(CONF / group / f"{name}.yaml"), "_target_"))


def _trial(composed: Composed) -> list[str]:
    """Builds everything that can be built without data, and returns what the constructors object to."""
    config, problems = composed.config, []

    def attempt(group: str, construct: Callable[[], Any]) -> Any:
        try:
            return construct()
        except (ValueError, TypeError, RuntimeError, MisconfigurationException, OmegaConfBaseException) as error:
            message = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            choice = f"{group}={composed.choices.get(group)}"
            names_it = f"{group}." in message or message.startswith(choice)
            problems.append(message if names_it else f"{choice}: {message}")
            return None

    logging.disable(logging.INFO)  # the run itself will say it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # likewise
        objective = build.task_class(config).objective
        data = attempt("data", lambda: build.build_data(config))
        if data is not None:
            attempt("model", lambda: _trial_model(composed, data))
        loss = attempt("loss", lambda: build.factory(config, "loss")())
        if loss is not None and not build.task_class(config).suits(loss):
            problems.append(_unsuited_loss(composed))
        optimizer = attempt("optimizer", lambda: _trial_optimizer(composed))
        if optimizer is not None:
            horizon = Horizon(steps=100, epochs=10, mode=objective[1])
            attempt("scheduler", lambda: build.factory(config, "scheduler")(optimizer, horizon))
        attempt("callbacks", lambda: build.build_callbacks(config, objective))
        attempt("logger", lambda: _trial_loggers(config))
        attempt("trainer", lambda: build.build_trainer(config, nn.Linear(1, 1), logger=False))
    logging.disable(logging.NOTSET)
    return problems


def _unsuited_loss(composed: Composed) -> str:
    task, choices = build.task_class(composed.config), composed.choices
    losses: dict[str, Any] = {name: OmegaConf.load(CONF / "loss" / f"{name}.yaml") for name in options("loss")}
    configs = {name: OmegaConf.create({"loss": node, "packages": []}) for name, node in losses.items()}
    able = [name for name, config in configs.items() if task.suits(build.factory(config, "loss")())]
    return f"loss={choices['loss']} means nothing for task={choices['task']}; losses that do: {', '.join(able)}."


def _trial_model(composed: Composed, data: DataModule) -> None:
    config, choices = composed.config, composed.choices
    task = build.task_class(config)
    input, target = build.asked(config, *data.sketch())
    if not _writes(build.target_of(config, "model"), type(target)):
        able = [
            name for name, other in _choices("model") if type(input) in other.reads and _writes(other, type(target))
        ]
        raise ValueError(
            f"model={choices['model']} cannot answer with {type(target).__name__}, which task={choices['task']} needs; "
            f"models that can: {', '.join(able)}."
        )
    with torch.device("meta"):
        model = build.factory(config, "model")(input, target)
    task.examine(model)
    rehearse(lambda: build.factory(config, "model")(input, target), input)
    build.build_finetuning(config).adapt(model)


def _writes(model: Any, kind: type) -> bool:
    """Whether there is a head for this kind of target: the model's own, or one of those that models share."""
    return kind in getattr(model, "writes", {*head.registry} - {object})


def _trial_optimizer(composed: Composed) -> torch.optim.Optimizer:
    make, trainer = build.factory(composed.config, "optimizer"), composed.config.trainer
    optimizer = make([{"params": [nn.Parameter(torch.zeros(2, 2))]}])
    if str(trainer.strategy).startswith("fsdp") and not works_on_slices(make):
        raise ValueError(
            f"it looks at whole matrices, of which trainer.strategy={trainer.strategy} leaves each process a slice: "
            "type trainer=ddp, or an optimizer like adamw."
        )
    return optimizer


def _trial_loggers(config: DictConfig) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build.build_loggers(config, Identity(Path(folder)))
