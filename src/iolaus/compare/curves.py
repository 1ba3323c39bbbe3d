"""Reads learning curves from the metrics.csv of runs."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from iolaus.compare.trials import Curve, Objective

# Epochs of a curve that are kept: more than a screen can tell apart costs time and size for nothing.
_MAX_POINTS = 100


def read_curves(run: Path) -> dict[str, Curve]:
    """What training and validation reached in every epoch, by metric; nothing where nothing was written (yet)."""
    points: dict[str, dict[int, float]] = defaultdict(dict)
    path = run / "metrics.csv"
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                if text and name.startswith(("train/", "val/")):
                    points[name][int(row["epoch"]) + 1] = float(text)
    return {name: (list(values), list(values.values())) for name, values in points.items()}


def mean_curve(curves: Iterable[Curve]) -> Curve:
    """Of several seeds: in each epoch the mean of those that reached it."""
    together: dict[int, list[float]] = defaultdict(list)
    for epochs, values in curves:
        for epoch, value in zip(epochs, values, strict=True):
            together[epoch].append(value)
    epochs = sorted(together)
    return epochs, [sum(together[epoch]) / len(together[epoch]) for epoch in epochs]


def thinned(curve: Curve, max_points: int = _MAX_POINTS) -> Curve:
    """Every so-manieth epoch, the last one included."""
    epochs, values = curve
    if len(epochs) <= max_points:
        return curve
    stride = math.ceil((len(epochs) - 1) / (max_points - 1))
    places = sorted({*range(0, len(epochs), stride), len(epochs) - 1})
    return [epochs[place] for place in places], [values[place] for place in places]


def best_of(curve: Curve | None, objective: Objective) -> float | None:
    """The best value of a run that did not come to its end."""
    values = [value for value in curve[1] if math.isfinite(value)] if curve else []
    return min(values, key=objective.rank, default=None)
