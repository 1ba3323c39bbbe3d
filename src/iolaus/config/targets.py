"""What a `_target_` may name: in each group only its kind of thing, and only from the packages where such things live.

A config can come from a stranger's run folder, and whoever names what is called can run anything. So nothing else is
ever looked up: not a function that happens to stand in an allowed package, and not another package's by way of one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import isabstract, isclass, isfunction
from typing import Any, get_type_hints

import lightning.pytorch as L
from hydra.utils import get_object
from lightning.pytorch.callbacks import (
    BasePredictionWriter,
    Callback,
    LambdaCallback,
    ModelCheckpoint,
    OnExceptionCheckpoint,
    SpikeDetection,
)
from torch import nn
from torch.optim import Optimizer

from iolaus.data.module import DataModule
from iolaus.loggers.run_logger import RunLogger
from iolaus.schedulers import Schedule
from iolaus.tasks.task import Task
from iolaus.transfer.finetuning import Full


@dataclass(frozen=True)
class Role:
    """What a group's `_target_` has to be.

    kind      what its class derives from, or what its function is annotated to return.
    packages  where it may come from, beside the user's own.
    says      the attribute of the class by which parts are matched before any is built.
    """

    kind: type
    packages: tuple[str, ...]
    says: str = "__name__"


ROLES = {
    "model": Role(nn.Module, ("iolaus.models",), says="reads"),
    "data": Role(DataModule, ("iolaus.data",), says="gives"),
    "task": Role(Task, ("iolaus.tasks",), says="wants"),
    "loss": Role(nn.Module, ("iolaus.losses", "torch.nn")),
    "optimizer": Role(Optimizer, ("iolaus.optimizers", "torch.optim", "pytorch_optimizer")),
    "scheduler": Role(Schedule, ("iolaus.schedulers",)),
    "initializer": Role(type(None), ("iolaus.initializers",)),
    "finetune": Role(Full, ("iolaus.transfer.finetuning",)),
    "trainer": Role(L.Trainer, ("iolaus.training.trainer",)),
    "sweep": Role(object, ("iolaus.sweep.options",)),
    "sweep.sampler": Role(object, ("optuna.samplers",)),
    "sweep.pruner": Role(object, ("optuna.pruners", "iolaus.sweep.pruners")),
    "callbacks.*": Role(Callback, ("iolaus.callbacks", "lightning.pytorch.callbacks")),
    "logger.*": Role(RunLogger, ("iolaus.loggers",)),
}
# The groups that are one node each. (Runs from before there was finetune=… are read all the same.)
SINGLE = tuple(path for path in ROLES if "." not in path and path not in ("finetune", "sweep"))
# Of the options of the above: classes of the user's own packages only.
_INNER = Role(object, ())
# Of them only classes are built.
_LIBRARIES = ("torch", "lightning", "pytorch_optimizer", "optuna")
# They write to, or delete from, any place that their options name; or call what these name.
_BARRED = (ModelCheckpoint, OnExceptionCheckpoint, BasePredictionWriter, SpikeDetection, LambdaCallback)


def resolve(path: str, target: Any, packages: tuple[str, ...] = ()) -> Callable[..., Any]:
    """The object that the `_target_` at this path of a config names.

    packages: the user's own, whose code may run.

    Raises:
        ValueError: if it is not what belongs there, lies outside the allowed packages (also when reached through one
            of them), or does not exist.
    """
    return _resolve(path, target, packages)


# A check asks for each target some ten times.
@cache
def _resolve(path: str, target: Any, packages: tuple[str, ...]) -> Callable[..., Any]:
    role = ROLES.get(path) or ROLES.get(f"{path.partition('.')[0]}.*" if path.count(".") == 1 else "") or _INNER
    allowed = (*role.packages, *packages)
    if not isinstance(target, str) or not _is_within(target, allowed):
        raise ValueError(
            f"_target_={target} is outside {', '.join(allowed) or 'your own packages'}: "
            "list your own package in packages=[…] to allow it."
        )
    try:
        found = get_object(target)
    except Exception as error:  # importing a user's module can fail in any way
        raise ValueError(f"_target_={target} cannot be imported: {_last_line(error)}") from error
    # `iolaus.data.download.os.system` begins well and ends elsewhere.
    if not (isclass(found) or isfunction(found)) or not _is_within(found.__module__, allowed):
        raise ValueError(f"_target_={target} is not a class or function of {', '.join(allowed)}.")
    if reason := _unfit(role, found):
        raise ValueError(f"_target_={target} {reason}.")
    return found


def _made_by(found: Callable[..., Any]) -> type:
    """What calling it gives: the class itself, or what the function is annotated to return."""
    made = found if isclass(found) else get_type_hints(found).get("return", object)
    return made if isclass(made) else object


def _unfit(role: Role, found: Callable[..., Any]) -> str | None:
    """Why this is not what belongs here; None if it is."""
    if found in _BARRED:
        return "is never built from a config: it may write outside of the run's folder, or calls what its options name"
    is_foreign = isfunction(found) and _is_within(found.__module__, _LIBRARIES)  # they load, create, look up by name
    if is_foreign or not issubclass(_made_by(found), role.kind):
        if role.kind is type(None):
            return "is not fit for this: it takes a function that is annotated `-> None`"
        kind = f"{role.kind.__module__}.{role.kind.__qualname__}"
        return (
            f"makes no {role.kind.__name__}: it takes a class derived from {kind}, or a function annotated `-> {kind}`"
        )
    if isabstract(found) or not hasattr(found, role.says):
        return f"is what others derive from, and nothing by itself (a `{role.says}` or a method is missing)"
    return None


def _is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
