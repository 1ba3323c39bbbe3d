"""Builds the parts of a run from their config nodes. Hydra makes each a partial; what only the run knows comes here."""

from typing import Any

from hydra.utils import instantiate
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig, OmegaConf
from torch import nn

from iolaus.chance import seed_all
from iolaus.config.signature import resolve, signature
from iolaus.data.module import DataModule
from iolaus.finetuning import Full
from iolaus.loggers.run_logger import Identity, RunLogger
from iolaus.spec import Input, Target
from iolaus.tasks.task import Objective, Task
from iolaus.trainer import Trainer


def factory(node: DictConfig) -> Any:
    """The node's target with its options bound; call it with what is missing."""
    return instantiate(node, _partial_=True, _convert_="all")


def build_data(config: DictConfig) -> DataModule:
    return factory(config.data)()


def build_model(config: DictConfig, input: Input, target: Target) -> nn.Module:
    """The model with its initial weights, which follow from the seed alone."""
    seed_all(config.seed)
    model = factory(config.model)(*task_class(config).targets(input, target))
    factory(config.initializer)(model)
    return model


def build_task(config: DictConfig, model: nn.Module, input: Input, target: Target) -> Task:
    """The task, for a model that was built for the same input and target."""
    _, asked = task_class(config).targets(input, target)
    loss = factory(config.loss)()
    optimizer = build_finetuning(config).rated(factory(config.optimizer), model)
    return factory(config.task)(model, asked, loss, optimizer, factory(config.scheduler))


def build_finetuning(config: DictConfig) -> Full:
    """Runs of old had no choice."""
    return factory(config.finetune)() if "finetune" in config else Full()


def build_callbacks(config: DictConfig, objective: Objective) -> list[Callback]:
    """Those that are on; the ones that watch a metric are handed the task's objective."""
    return [
        factory(node)(objective) if "objective" in signature(target_of(node, config)) else factory(node)()
        for node in config.callbacks.values()
        if is_on(node)
    ]


def build_loggers(config: DictConfig, identity: Identity) -> list[RunLogger]:
    """The chosen ones, metrics.csv first: it is always on."""
    nodes = {name: node for name, node in config.logger.items() if name != "csv"}
    always = OmegaConf.create({"_target_": "iolaus.loggers.metrics_csv.MetricsCSV"})
    return [factory(node)(identity) for node in (always, *nodes.values())]


def build_trainer(config: DictConfig, model: nn.Module, **parts: Any) -> Trainer:
    return factory(config.trainer)(model, **parts)


def task_class(config: DictConfig) -> type[Task]:
    return target_of(config.task, config)


def target_of(node: DictConfig, config: DictConfig) -> Any:
    return resolve(node["_target_"], tuple(config.packages))


def is_on(node: DictConfig) -> bool:
    """A callback with an option that is null is off."""
    return None not in OmegaConf.to_container(node, resolve=True).values()  # type: ignore[union-attr]
