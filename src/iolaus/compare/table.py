"""The leaderboard as columns and rows: the terminal, the page and the CSV show the same one."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from iolaus.compare.trials import Comparison, Trial


@dataclass(frozen=True)
class Column:
    """kind: how it is aligned and sorted. show: a cell's value as words."""

    name: str
    kind: str  # "number" or "text"
    value: Callable[[Trial], Any]
    show: Callable[[Any], str]


def columns(comparison: Comparison) -> list[Column]:
    """The trial, what it reached, the options in which the trials differ, and what it cost, where that differs."""
    found = [_name(comparison.trials), Column("state", "text", lambda trial: trial.state, str)]
    for place, objective in enumerate(comparison.objectives):
        found.append(Column(objective.metric, "number", lambda trial, at=place: trial.values[at], number))  # type: ignore[misc]
    if any(trial.deviation is not None for trial in comparison.trials):
        found.append(Column("± over seeds", "number", lambda trial: trial.deviation, number))
    found += [_param(key, comparison.trials) for key in differing(comparison.trials)]
    found += [_metric(name) for name in _other_metrics(comparison)]
    costs = [
        Column("parameters", "number", lambda trial: trial.metrics.get("num_parameters"), count),
        Column("steps", "number", lambda trial: trial.num_steps, count),
        Column("time", "number", lambda trial: trial.seconds, duration),
    ]
    return found + [cost for cost in costs if len({cost.show(cost.value(trial)) for trial in comparison.trials}) > 1]


def differing(trials: Sequence[Trial]) -> list[str]:
    """The options in which at least two trials differ."""
    keys = dict.fromkeys(key for trial in trials for key in trial.params)
    return [key for key in keys if len({repr(trial.params.get(key)) for trial in trials}) > 1]


def to_csv(comparison: Comparison) -> str:
    """The whole table, unrounded, with each trial's reason, folders and command."""
    shown = columns(comparison)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["rank", *(column.name for column in shown), "reason", "runs", "command"])
    for rank, trial in enumerate(comparison.trials, start=1):
        cells = [column.value(trial) for column in shown]
        runs = " ".join(map(str, trial.runs))
        writer.writerow([rank if trial.is_complete else "", *cells, trial.reason or "", runs, trial.command])
    return buffer.getvalue()


def number(value: float | None) -> str:
    """Four digits that matter, and no more zeros than that takes."""
    if value is None:
        return ""
    if isinstance(value, bool) or not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4g}" if not 0.001 <= abs(value) < 1e6 else f"{value:.{_decimals(value)}f}"


def count(value: float | None) -> str:
    return "" if value is None else f"{round(value):,}"


def duration(seconds: float | None) -> str:
    """`8.3 s`, `4 min 05 s`, `2 h 10 min`."""
    if seconds is None:
        return ""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def words(value: Any) -> str:
    """An option's value as a user would type it; nothing where a trial does not have the option."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(trials: Sequence[Trial]) -> Column:
    if all(trial.name.isdigit() for trial in trials):
        return Column("trial", "number", lambda trial: int(trial.name), str)
    return Column("trial", "text", lambda trial: trial.name, str)


def _param(key: str, trials: Sequence[Trial]) -> Column:
    values = [trial.params.get(key) for trial in trials]
    kind = "number" if all(value is None or is_number(value) for value in values) else "text"
    return Column(key, kind, lambda trial: trial.params.get(key), words)


def _metric(name: str) -> Column:
    return Column(name, "number", lambda trial: trial.metrics.get(name), number)


def _other_metrics(comparison: Comparison) -> list[str]:
    """Validation loss, and whatever the test says that the validation's objectives say."""
    twins = [objective.metric.replace("val/", "test/") for objective in comparison.objectives]
    known = {objective.metric for objective in comparison.objectives}
    reached = {name for trial in comparison.trials for name in trial.metrics}
    return [name for name in dict.fromkeys(["val/loss", *twins]) if name in reached and name not in known]


def _decimals(value: float) -> int:
    return max(1, 4 - max(0, math.floor(math.log10(abs(value))) + 1)) if abs(value) >= 1 else 4
