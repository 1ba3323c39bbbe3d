"""What a comparison shows, beside its table: one definition for report.html and for a W&B report.

A panel says what is drawn of what; how, is each library's matter (`figures/` for plotly, `wandb_report.py` for W&B).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from iolaus.compare.table import differing
from iolaus.compare.trials import Comparison, Objective

# Options beyond these make parallel axes, slices and pairs unreadable; the most important ones are kept.
MAX_AXES, MAX_SLICES, MAX_PAIRED = 9, 8, 4


class OfObjective:
    """A panel is called after the objective that it shows."""

    objective: Objective

    @property
    def label(self) -> str:
        return self.objective.metric


@dataclass(frozen=True)
class LearningCurves:
    """A metric over the epochs: the best trials in colour, all others behind them."""

    title: ClassVar[str] = "Learning curves"
    about: ClassVar[str] = "The best trials in colour, the others in grey behind them. Means, where there are seeds."
    metric: str
    mode: Literal["min", "max"]

    @property
    def label(self) -> str:
        return self.metric


@dataclass(frozen=True)
class ParallelCoordinates(OfObjective):
    """Every finished trial as a line through its options, which ends at what it reached."""

    title: ClassVar[str] = "Options side by side"
    about: ClassVar[str] = (
        "A line per trial, the strongest colour reached the best. Drag along an axis to keep what passes there."
    )
    options: tuple[str, ...]
    objective: Objective


@dataclass(frozen=True)
class Importance(OfObjective):
    """How much of the objective's variance each option accounts for."""

    title: ClassVar[str] = "What mattered"
    about: ClassVar[str] = (
        "The share of the objective's variance that each option accounts for (functional ANOVA, Hutter et al. 2014), "
        "over the finished trials."
    )
    shares: tuple[tuple[str, float], ...]
    objective: Objective


@dataclass(frozen=True)
class Slices(OfObjective):
    """The objective against each option."""

    title: ClassVar[str] = "Option by option"
    about: ClassVar[str] = "What every finished trial reached, against one option at a time."
    options: tuple[str, ...]
    objective: Objective


@dataclass(frozen=True)
class Pairs(OfObjective):
    """Two options at a time, coloured by the objective."""

    title: ClassVar[str] = "Options in pairs"
    about: ClassVar[str] = "Two options at a time; the strongest colour reached the best."
    options: tuple[str, ...]
    objective: Objective


@dataclass(frozen=True)
class Tradeoff:
    """The objective against what it cost, or against another objective, with the Pareto front."""

    title: ClassVar[str] = "Quality and its price"
    about: ClassVar[str] = "On the line: the trials that no other beats in both."
    against: str  # "seconds", or the metric of another objective
    objective: Objective

    @property
    def label(self) -> str:
        return f"{self.objective.metric} against {'time' if self.against == 'seconds' else self.against}"


Panel = LearningCurves | ParallelCoordinates | Importance | Slices | Pairs | Tradeoff


def panels(comparison: Comparison, shares: dict[str, dict[str, float]] | None = None) -> Iterator[Panel]:
    """All that a comparison shows, kind by kind, with one view per objective or metric.

    shares: by objective, the importance of each option; the most important ones are shown first.
    """
    shares = shares or {}
    modes = {objective.metric: objective.mode for objective in comparison.objectives}
    for metric in curve_metrics(comparison):
        yield LearningCurves(metric, modes.get(metric, "min"))
    for objective in comparison.objectives:
        yield Tradeoff("seconds", objective)
    for other in comparison.objectives[1:]:
        yield Tradeoff(other.metric, comparison.objective)
    for objective in comparison.objectives:
        known = shares.get(objective.metric, {})
        options = sorted(differing(comparison.complete), key=lambda option: -known.get(option, 0.0))
        yield Importance(tuple(known.items()), objective)
        yield ParallelCoordinates(tuple(options[:MAX_AXES]), objective)
        yield Slices(tuple(options[:MAX_SLICES]), objective)
        yield Pairs(tuple(options[:MAX_PAIRED]), objective)


def curve_metrics(comparison: Comparison) -> list[str]:
    """The objectives, and the losses beside them, as far as there are curves of them."""
    wanted = [*(objective.metric for objective in comparison.objectives), "val/loss", "train/loss"]
    there = {name for trial in comparison.trials for name in trial.curves}
    return [name for name in dict.fromkeys(wanted) if name in there]
