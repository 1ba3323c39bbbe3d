"""Which trial is better: the order of the leaderboard, and the Pareto front where several things matter."""

import math
from collections.abc import Sequence

import numpy as np

from iolaus.compare.trials import Objective, Trial

_STATES = ("finished", "running", "pruned", "interrupted", "waiting", "failed")


def ranked(trials: Sequence[Trial], objectives: tuple[Objective, ...]) -> tuple[Trial, ...]:
    """Best first: by the first objective, or with several, those first that no other beats in all of them."""
    complete = [trial for trial in trials if trial.is_complete]
    costs = [_costs(trial, objectives) for trial in complete]
    layers = pareto_layers(costs) if len(objectives) > 1 else [0] * len(complete)
    order = sorted(range(len(complete)), key=lambda place: (layers[place], costs[place]))
    rest = sorted(
        (trial for trial in trials if not trial.is_complete),
        key=lambda trial: (_STATES.index(trial.state), _partial_cost(trial, objectives[0])),
    )
    return (*(complete[place] for place in order), *rest)


def pareto_layers(costs: Sequence[tuple[float, ...]]) -> list[int]:
    """For each point, how many fronts lie before its own: 0 for those that no other beats. Less is better.

    Equal points share a front.
    """
    points = np.asarray(costs, dtype=float).reshape(len(costs), -1)  # (points, objectives)
    layers = np.zeros(len(points), dtype=int)
    # In this order a point can only be beaten by points before it, and it lies one behind the last of them.
    for place in np.lexsort(points.T[::-1]):
        beats = (points <= points[place]).all(axis=1) & (points < points[place]).any(axis=1)
        layers[place] = layers[beats].max(initial=-1) + 1
    return layers.tolist()


def pareto_front(costs: Sequence[tuple[float, ...]]) -> list[int]:
    """The places of those that no other beats, in the order of their first cost."""
    front = [place for place, layer in enumerate(pareto_layers(costs)) if layer == 0]
    return sorted(front, key=lambda place: costs[place])


def _costs(trial: Trial, objectives: tuple[Objective, ...]) -> tuple[float, ...]:
    return tuple(
        objective.rank(value)
        for objective, value in zip(objectives, trial.values, strict=True)
        if value is not None  # of complete trials none is
    )


def _partial_cost(trial: Trial, objective: Objective) -> float:
    value = trial.values[0] if trial.values else None
    return math.inf if value is None or math.isnan(value) else objective.rank(value)
