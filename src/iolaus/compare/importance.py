"""How much each option matters, by Optuna's evaluators. They want a study, so one is made of the finished trials."""

import math
from collections.abc import Sequence
from typing import Any

from iolaus.compare.table import differing, is_number
from iolaus.compare.trials import Comparison, Objective, Trial

# Fewer trials say nothing; of more, so many, evenly spaced over the leaderboard, say the same sooner.
_MIN_TRIALS, _MAX_TRIALS = 8, 400
MISSING = "–"


def importances(comparison: Comparison, objective: Objective) -> dict[str, float]:
    """The share of the objective's variance that each option accounts for, the largest first; empty if it is unknown:
    with too few finished trials, or when all reached the same.

    Functional ANOVA: Hutter, Hoos & Leyton-Brown 2014, "An efficient approach for assessing hyperparameter importance".
    """
    place = comparison.objectives.index(objective)
    trials = [trial for trial in comparison.complete if math.isfinite(_value(trial, place))]
    trials = trials[:: math.ceil(len(trials) / _MAX_TRIALS) or 1]
    columns = {option: column for option in differing(trials) if (column := _column(option, trials))}
    if len(trials) < _MIN_TRIALS or not columns or len({_value(trial, place) for trial in trials}) < 2:
        return {}
    return _evaluate(columns, [_value(trial, place) for trial in trials], objective)


def _evaluate(columns: dict[str, list[Any]], values: list[float], objective: Objective) -> dict[str, float]:
    import optuna  # with scikit-learn behind it, a second that only this takes
    from optuna.importance import FanovaImportanceEvaluator

    distributions = {option: _distribution(column) for option, column in columns.items()}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize" if objective.mode == "max" else "minimize")
        for row, value in enumerate(values):
            params = {option: column[row] for option, column in columns.items()}
            study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=value))
        return optuna.importance.get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    finally:
        optuna.logging.set_verbosity(verbosity)


def _column(option: str, trials: Sequence[Trial]) -> list[Any]:
    """The option's values as Optuna takes them; none for a number that some trials do not have."""
    values = [trial.params.get(option) for trial in trials]
    if all(is_number(value) for value in values):
        return [float(value) for value in values]  # type: ignore[arg-type]
    if any(is_number(value) for value in values) and None in values:
        return []
    return [MISSING if value is None else str(value) for value in values]


def _distribution(column: list[Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(column[0], str):
        return CategoricalDistribution(sorted(set(column)))
    low, high = min(column), max(column)
    return FloatDistribution(low, high, log=low > 0 and high / low >= 100)


def _value(trial: Trial, place: int) -> float:
    value = trial.values[place]
    return math.nan if value is None else value
