"""Finished runs as members of an ensemble: whether they belong together, and what each says of the same samples."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from iolaus.data.module import DataModule, HeldOut
from iolaus.data.numbered import Numbered
from iolaus.data.series.series import SeriesData
from iolaus.folder.run_folder import RunFolder
from iolaus.spec import Classes, Forecast, Number
from iolaus.tasks.forecast import ForecastQuantile
from iolaus.tasks.task import Task
from iolaus.training import memory
from iolaus.verbs.predictions import predictions
from iolaus.verbs.rebuild import read, rebuild

_KINDS = (Classes, Number, Forecast)  # of targets whose answers have a mean


@dataclass(frozen=True)
class Part:
    """What a member says of a part of its data, on the scale of the first member's.

    samples  a digest of them.
    outputs  (N, …) probabilities or values.
    targets  (N, …)
    """

    samples: str
    outputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Member:
    """`task` and `data` as it was made with them; `parts` by name."""

    name: str
    task: Task
    data: DataModule
    parts: dict[HeldOut, Part]


def join(run: RunFolder, weights: Path | None, parts: list[HeldOut], first: Member | None) -> Member:
    """The run with its best weights, or these, as one more member beside the first.

    Raises:
        ValueError: if it does not belong there.
    """
    name = _shown(weights or run.path)
    task, data = rebuild(run, weights=weights)
    _refuse_kind(name, task)
    if first:
        _refuse_other_target(name, task, first)
    read(data, run.choice("data"))
    where = f"with {data.batch_size} samples at a time"
    with memory.told(where, "the ensemble needs a larger machine."):
        scale = first.data if first else data
        member = Member(name, task, data, {part: _part(task, data, part, scale) for part in parts})
    if first:
        _refuse_other_samples(member, first)
    return member


def _part(task: Task, data: DataModule, part: HeldOut, scale: DataModule) -> Part:
    outputs, targets = predictions(task, data, getattr(data, part), data.batch_size)
    assert targets is not None
    return Part(data.samples(part), _rescaled(outputs.float(), data, scale), _rescaled(targets, data, scale))


def _rescaled(values: Tensor, data: DataModule, scale: DataModule) -> Tensor:
    """Numbers that were scaled by one run's training samples, as another run has scaled them."""
    if not isinstance(data, Numbered | SeriesData) or data is scale:
        return values
    assert isinstance(scale, Numbered | SeriesData)
    zero, one = (scale.unscale(torch.full((1,), end)) for end in (0.0, 1.0))
    return ((data.unscale(values) - zero) / (one - zero)).float()


def _refuse_kind(name: str, task: Task) -> None:
    is_quantile = isinstance(task, ForecastQuantile)  # the mean of two is neither
    if not isinstance(task.target, _KINDS) or is_quantile:
        raise ValueError(
            f"{name} was made by {type(task).__name__}, whose answers have no mean: an ensemble takes runs that "
            "classify, forecast or regress."
        )


def _refuse_other_target(name: str, task: Task, first: Member) -> None:
    mine, others = task.target, first.task.target
    if mine != others:
        raise ValueError(f"{name} answers with {mine}, but {first.name} with {others}: name runs that answer alike.")


def _refuse_other_samples(member: Member, first: Member) -> None:
    for part, mine in member.parts.items():
        others = first.parts[part]
        same = mine.samples == others.samples and mine.targets.shape == others.targets.shape
        if same and torch.allclose(mine.targets.double(), others.targets.double(), atol=1e-4):
            continue
        if part == "test":
            raise ValueError(
                f"{member.name} was tested on other samples than {first.name}: name runs that were made with the same "
                "data and the same data.seed."
            )
        raise ValueError(
            f"--by stack learns from the validation samples, and {member.name} holds out others than {first.name}, "
            "so it may have been trained on those: give all runs the same data.seed, as in seed=1 data.seed=0."
        )


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
