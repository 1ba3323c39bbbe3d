"""What a sweep looks for: a validation metric at its best, or what a run costs; and which way is better."""

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from iolaus.folder.summary import read_summary

Mode = Literal["min", "max"]

# What every run's summary.json has, beside its metrics.
COSTS: dict[str, Mode] = {
    "num_parameters": "min",
    "fit_seconds": "min",
    "peak_memory_mb": "min",
    "num_steps": "min",
    "samples_per_second": "max",
}
_KNOWN_ENDS: dict[str, Mode] = {"loss": "min", "mse": "min", "mae": "min", "perplexity": "min", "accuracy": "max"}


@dataclass(frozen=True)
class Goal:
    """A metric, and which way is better."""

    metric: str
    mode: Mode

    @property
    def is_cost(self) -> bool:
        return self.metric in COSTS

    def best(self, values: Iterable[float]) -> float | None:
        """The best of the values that are numbers."""
        numbers = [value for value in values if math.isfinite(value)]
        return (max if self.mode == "max" else min)(numbers, default=None)

    def is_better(self, value: float, than: float) -> bool:
        return value > than if self.mode == "max" else value < than


def goals(objective: str | list[str] | None, own: tuple[str, Mode]) -> list[Goal]:
    """The sweep's goals; the task's own objective where nothing is said.

    Raises:
        ValueError: if a goal is one of the test, or nobody can say which way it is better.
    """
    texts = [objective] if isinstance(objective, str) else objective or [own[0]]
    found = [_goal(text, own) for text in texts]
    if found[0].is_cost:
        raise ValueError(
            f"sweep.objective: the cheapest run is the one that never learns; put {own[0]} first, "
            f"as in sweep.objective=[{own[0]},{found[0].metric}]."
        )
    return found


def _goal(text: str, own: tuple[str, Mode]) -> Goal:
    metric, _, mode = text.partition(":")
    if metric.startswith("test/"):
        raise ValueError(
            f"sweep.objective={text}: a sweep that chooses by the test split spoils it; "
            f"type val/{metric.removeprefix('test/')}."
        )
    if mode not in ("", "min", "max"):
        raise ValueError(f"sweep.objective={text}: type {metric}:min or {metric}:max.")
    known = own[1] if metric == own[0] else COSTS.get(metric) or _KNOWN_ENDS.get(metric.rpartition("/")[2])
    if not mode and known is None:
        raise ValueError(f"sweep.objective={text}: is less of it better, or more? Type {metric}:min or {metric}:max.")
    return Goal(metric, mode or known)  # type: ignore[arg-type]


def outcome(folder: Path, objectives: list[Goal]) -> list[float] | None:
    """What a finished run reached: its best validation value, and what else it was at that epoch or cost.

    None if one of them is missing or not a number.
    """
    rows, summary = _rows(folder), read_summary(folder)
    first, *others = objectives
    at_best = summary if isinstance(summary.get(first.metric), float) else {}
    candidates = [row for row in [*rows, at_best] if first.metric in row]
    best = first.best(float(row[first.metric]) for row in candidates)
    if best is None:
        return None
    epoch = next(row for row in candidates if float(row[first.metric]) == best)
    values = [best] + [float(epoch.get(goal.metric, summary.get(goal.metric, math.nan))) for goal in others]
    return values if all(map(math.isfinite, values)) else None


def curve(folder: Path, metric: str) -> dict[int, float]:
    """A run's validation values by epoch, counted from 1, as far as metrics.csv has them."""
    return {
        int(row["epoch"]) + 1: float(row[metric])
        for row in _rows(folder)
        if metric in row and math.isfinite(float(row[metric]))
    }


def _rows(folder: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv, without what is empty in them."""
    path = folder / "metrics.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: value for name, value in row.items() if name and value} for row in csv.DictReader(file)]
