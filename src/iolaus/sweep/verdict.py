"""When a point that is run with several seeds may be given up early: its rest could hardly make it the best."""

import math
import statistics

from iolaus.sweep.objective import Goal

_CERTAINTY = 3.0  # standard errors; with few seeds the deviation itself is known badly


def mean_and_deviation(values: list[float]) -> tuple[float, float | None]:
    """The deviation is the sample's; None of a single value."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def is_hopeless(goal: Goal, values: list[float], finished: list[list[float]]) -> bool:
    """Whether a point lies so far behind the best one that chance between seeds does not explain it.

    Args:
        values: of the point's seeds so far.
        finished: of the points that had all their seeds.
    """
    repeated = [seeds for seeds in finished if len(seeds) > 1]
    if not repeated or not values:
        return False
    best = sorted(repeated, key=statistics.fmean, reverse=goal.mode == "max")[0]
    degrees = sum(len(seeds) - 1 for seeds in repeated)
    spread = math.sqrt(sum(statistics.variance(seeds) * (len(seeds) - 1) for seeds in repeated) / degrees)
    behind = statistics.fmean(best) - statistics.fmean(values)
    margin = _CERTAINTY * spread * math.sqrt(1 / len(best) + 1 / len(values))
    return (behind if goal.mode == "max" else -behind) > margin
