"""Builds the parts of a run from their config nodes. The node binds the options; what only the run knows comes here."""

import warnings
from functools import partial
from typing import Any

from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig, OmegaConf
from torch import nn

from iolaus.chance import seed_all
from iolaus.config.compose import defaults
from iolaus.config.signature import signature
from iolaus.config.targets import resolve
from iolaus.data.module import DataModule
from iolaus.loggers.metrics_csv import MetricsCSV
from iolaus.loggers.run_logger import Identity, RunLogger
from iolaus.loggers.unfailing import Unfailing
from iolaus.spec import Input, Target
from iolaus.tasks.task import Objective, Task
from iolaus.training.trainer import Trainer
from iolaus.transfer.finetuning import Full

# Hydra's words in a node; all other keys are options.
INSTANTIATE_KEYS = ("_target_", "_partial_")


def factory(config: DictConfig, path: str) -> partial[Any]:
    """The target of the node at `path` with its options bound; call it with what is missing.

    Hydra's `instantiate` is not used: it resolves interpolations once more, after any check, and calls whatever they
    make. Here the plain values that are checked are the ones that are called.

    Raises:
        ValueError: if the target, or one within its options, may not be built.
    """
    node = OmegaConf.to_container(OmegaConf.select(config, path), resolve=True, throw_on_missing=True)
    assert isinstance(node, dict)
    return _bound(path, node, tuple(config.packages))


def build_data(config: DictConfig) -> DataModule:
    return factory(config, "data")()


def build_model(config: DictConfig, input: Input, target: Target) -> nn.Module:
    """The model with its initial weights, which follow from the seed alone."""
    seed_all(config.seed)
    model = factory(config, "model")(*asked(config, input, target))
    factory(config, "initializer")(model)
    return model


def build_task(config: DictConfig, model: nn.Module, input: Input, target: Target) -> Task:
    """The task, for a model that was built for the same input and target."""
    loss, optimizer, scheduler = factory(config, "loss")(), factory(config, "optimizer"), factory(config, "scheduler")
    rated = build_finetuning(config).rated(optimizer, model)
    return factory(config, "task")(model, asked(config, input, target)[1], loss, rated, scheduler)


def asked(config: DictConfig, input: Input, target: Target) -> tuple[Input, Target]:
    """What the task wants a model to read and to answer with, of data that give this input and target."""
    return task_class(config).targets(input, target, **factory(config, "task").keywords)


def build_finetuning(config: DictConfig) -> Full:
    """Runs of old had no choice."""
    return factory(config, "finetune")() if "finetune" in config else Full()


def build_callbacks(config: DictConfig, objective: Objective) -> list[Callback]:
    """Those that are on; the ones that watch a metric are handed the task's objective. Of idle options it warns."""
    for name, node in config.callbacks.items():
        if not is_on(node):
            _warn_of_idle(name, node)
    paths = [f"callbacks.{name}" for name, node in config.callbacks.items() if is_on(node)]
    return [
        factory(config, path)(objective)
        if "objective" in signature(target_of(config, path))
        else factory(config, path)()
        for path in paths
    ]


def build_loggers(config: DictConfig, identity: Identity) -> list[RunLogger]:
    """The chosen ones, metrics.csv first: it is always on."""
    chosen = [factory(config, f"logger.{name}") for name in config.logger if name != "csv"]
    return [MetricsCSV(identity), *(Unfailing(make(identity)) for make in chosen)]


def build_trainer(config: DictConfig, model: nn.Module, **parts: Any) -> Trainer:
    return factory(config, "trainer")(model, **parts)


def task_class(config: DictConfig) -> type[Task]:
    return target_of(config, "task")


def target_of(config: DictConfig, path: str) -> Any:
    return resolve(path, OmegaConf.select(config, path)["_target_"], tuple(config.packages))


def _warn_of_idle(name: str, node: DictConfig) -> None:
    usual = defaults("callbacks").get(name, {})
    switch = next(str(key) for key, value in node.items() if value is None)
    for key, value in ((str(key), value) for key, value in node.items()):
        if value is not None and value != usual.get(key):
            warnings.warn(
                f"callbacks.{name}.{key}={value} has no effect while callbacks.{name}.{switch} is null.", stacklevel=3
            )


def is_on(node: DictConfig) -> bool:
    """A callback with an option that is null is off."""
    return None not in OmegaConf.to_container(node, resolve=True).values()  # type: ignore[union-attr]


def _bound(path: str, node: dict[Any, Any], packages: tuple[str, ...]) -> partial[Any]:
    target = resolve(path, node["_target_"], packages)
    options = {name: value for name, value in node.items() if name not in INSTANTIATE_KEYS}
    return partial(target, **{name: _built(f"{path}.{name}", value, packages) for name, value in options.items()})


def _built(path: str, value: Any, packages: tuple[str, ...]) -> Any:
    """An option's value; nodes within it that have a `_target_` are built, or bound where they say `_partial_`."""
    if isinstance(value, list):
        return [_built(path, child, packages) for child in value]
    if not isinstance(value, dict):
        return value
    if "_target_" in value:
        bound = _bound(path, value, packages)
        return bound if value.get("_partial_") else bound()
    return {name: _built(f"{path}.{name}", child, packages) for name, child in value.items()}
