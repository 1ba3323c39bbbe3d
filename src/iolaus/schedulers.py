"""Schedules of the learning rate: each follows from the optimizer's own rates and the length of the run."""

import math
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau, StepLR

from iolaus.ranges import Count, Fraction, NonNegative, Rate, Whole


@dataclass(frozen=True)
class Horizon:
    """How far a run goes, and what it seeks.

    steps   of the optimizer, in the whole run.
    epochs  of the whole run.
    mode    whether less or more of the objective is better.
    """

    steps: int
    epochs: int
    mode: Literal["min", "max"] = "min"


@dataclass(frozen=True)
class Schedule:
    """A scheduler, and how to use it.

    scheduler          None where the rates never change.
    interval           what it is stepped after.
    depends_on_length  whether a longer run would have had other rates from the start: such a run, once begun, cannot be
                       made longer.
    cycle_ends         after which steps it has fallen all the way; empty for one that never begins again.
    """

    scheduler: LRScheduler | None
    interval: Literal["step", "epoch"]
    depends_on_length: bool
    cycle_ends: tuple[int, ...] = ()


def constant(optimizer: Optimizer, horizon: Horizon) -> Schedule:  # noqa: ARG001 - called as the others are
    """The optimizer's own learning rates all along."""
    return Schedule(None, "epoch", depends_on_length=False)


def step(optimizer: Optimizer, horizon: Horizon, *, every: Count = 5, factor: Fraction = 0.5) -> Schedule:
    """Multiplies the rates by `factor` after `every` so many epochs."""
    _warn_if_late(every, f"scheduler.every={every}", horizon)
    return Schedule(StepLR(optimizer, every, factor), "epoch", depends_on_length=False)


def plateau(
    optimizer: Optimizer,
    horizon: Horizon,
    *,
    patience: Whole = 3,
    factor: Rate = 0.5,
    threshold: NonNegative = 1e-4,
) -> Schedule:
    """Multiplies the rates by `factor` once more than `patience` validations in a row have not improved the objective.

    threshold: the least improvement that counts, as a fraction of the best value so far.
    """
    _warn_if_late(patience + 2, f"scheduler.patience={patience}", horizon)
    scheduler = ReduceLROnPlateau(optimizer, horizon.mode, factor, patience, threshold)
    return Schedule(scheduler, "epoch", depends_on_length=False)


def cosine(optimizer: Optimizer, horizon: Horizon, *, final_fraction: Fraction = 0.0) -> Schedule:
    """Half a cosine wave from the optimizer's rates down to `final_fraction` of them (Loshchilov & Hutter 2017)."""
    return warmup_cosine(optimizer, horizon, warmup=0.0, final_fraction=final_fraction)


def warmup_cosine(
    optimizer: Optimizer, horizon: Horizon, *, warmup: Fraction = 0.05, final_fraction: Fraction = 0.0
) -> Schedule:
    """A straight line up to the optimizer's rates (Goyal et al. 2017), then the cosine.

    warmup: the fraction of the run's steps that lead up.
    """
    num_steps = _steps_of(horizon)
    curve = partial(_rise_then_fall, round(warmup * num_steps), num_steps, final_fraction)
    return Schedule(LambdaLR(optimizer, curve), "step", depends_on_length=True)


def cosine_restarts(
    optimizer: Optimizer, horizon: Horizon, *, cycles: Count = 5, final_fraction: Fraction = 0.0
) -> Schedule:
    """The cosine so many times, each from the optimizer's rates down (Loshchilov & Hutter 2017): of equal lengths, to
    within a step, so that the run ends with a cycle (Huang et al. 2017).

    final_fraction: of the optimizer's rates, at the end of each cycle.
    """
    num_steps = _steps_of(horizon)
    if num_steps < cycles:
        warnings.warn(f"scheduler.cycles={cycles} are more than the run's steps: there are {num_steps}.", stacklevel=2)
        cycles = num_steps
    ends = tuple(round(num_steps * number / cycles) for number in range(1, cycles + 1))
    curve = partial(_fall_again, ends, final_fraction)
    return Schedule(LambdaLR(optimizer, curve), "step", depends_on_length=True, cycle_ends=ends)


def onecycle(
    optimizer: Optimizer,
    horizon: Horizon,
    *,
    warmup: Fraction = 0.3,
    initial_fraction: Fraction = 0.04,
    final_fraction: Fraction = 4e-6,
    low_momentum: Rate | None = 0.85,
) -> Schedule:
    """One wave: the rates rise to the optimizer's own and fall to almost nothing (Smith & Topin 2019).

    warmup: the fraction of the run's steps that lead up.
    initial_fraction, final_fraction: of the optimizer's rates, at the first and the last step.
    low_momentum: where the rates are highest; elsewhere momentum (or Adam's first beta) is nearer to the optimizer's
        own. None lets it stay. An optimizer without momentum gets none.
    """
    num_steps = _steps_of(horizon)
    scheduler = OneCycle(
        optimizer,
        peak=max(warmup * num_steps - 1, 0.0),
        last=num_steps - 1,
        initial_fraction=initial_fraction,
        final_fraction=final_fraction,
        low_momentum=low_momentum,
    )
    return Schedule(scheduler, "step", depends_on_length=True)


class OneCycle(LRScheduler):
    """Rates that rise to the groups' own until step `peak` and fall until step `last`; momentum the other way round.

    torch's OneCycleLR gives the same rates, but takes one kind of momentum for all groups (Muon's have two), gives one
    to optimizers that were told to have none, and divides by zero where a short run has one step of warm-up.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        peak: float,
        last: int,
        initial_fraction: float,
        final_fraction: float,
        low_momentum: float | None,
    ) -> None:
        self.peak = peak
        self.last = last
        self.initial_fraction = initial_fraction
        self.final_fraction = final_fraction
        self.low_momentum = low_momentum
        self.base_momentums = [_momentum_of(group) for group in optimizer.param_groups]
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        rising = self.last_epoch < self.peak
        if rising:
            height = 1 - _half_wave(self.last_epoch, self.peak)
        else:
            height = _half_wave(self.last_epoch - self.peak, self.last - self.peak)
        if self.low_momentum is not None:
            for group, base in zip(self.optimizer.param_groups, self.base_momentums, strict=True):
                if base > self.low_momentum:
                    _set_momentum(group, base + (self.low_momentum - base) * height)
        low = self.initial_fraction if rising else self.final_fraction
        return [base * (low + (1 - low) * height) for base in self.base_lrs]


def _momentum_of(group: dict[str, Any]) -> float:
    return group["betas"][0] if "betas" in group else group.get("momentum", 0.0)


def _set_momentum(group: dict[str, Any], momentum: float) -> None:
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def _rise_then_fall(num_warmup: int, num_steps: int, final_fraction: float, step: int) -> float:
    """The fraction of the rates at this step. The first step of the warm-up is not lost at a rate of 0."""
    if step < num_warmup:
        return (step + 1) / (num_warmup + 1)
    return final_fraction + (1 - final_fraction) * _half_wave(step - num_warmup, num_steps - num_warmup)


def _fall_again(ends: tuple[int, ...], final_fraction: float, step: int) -> float:
    """The fraction of the rates at this step, in cycles that end after the steps `ends`."""
    cycle = min(bisect_right(ends, step), len(ends) - 1)
    start = ends[cycle - 1] if cycle else 0
    return final_fraction + (1 - final_fraction) * _half_wave(step - start, ends[cycle] - start)


def _half_wave(done: float, length: float) -> float:
    """From 1 down to 0 as a cosine falls; 0 from then on."""
    return (1 + math.cos(math.pi * min(done / length, 1))) / 2 if length > 0 else 1.0


def _steps_of(horizon: Horizon) -> int:
    if horizon.steps < 1:
        raise ValueError(
            "The schedule needs to know how long the run is: type trainer.max_epochs=10, say, or scheduler=constant."
        )
    return horizon.steps


def _warn_if_late(num_epochs: int, option: str, horizon: Horizon) -> None:
    if 0 < horizon.epochs <= num_epochs:
        warnings.warn(
            f"{option} has no effect in a run of {horizon.epochs} epochs: the learning rate stays as it is.",
            stacklevel=3,
        )
