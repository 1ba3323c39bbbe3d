"""In which order a grid is gone through: as typed, unless there is a reason to draw it at random."""

import random
from functools import lru_cache

from iolaus.sweep.space import Space

_SMALL = 1_000_000  # points that are shuffled as a list


def is_drawn(space: Space, num_trials: int, *, is_pruned: bool) -> bool:
    """Whether the order is drawn: if only a part of the grid is run, if the user shuffles, and if trials are pruned.
    Those are judged by the ones before them, which are to be any points and not their neighbours."""
    return is_pruned or num_trials < space.size or any(dimension.is_shuffled for dimension in space.dimensions)


def index_of(number: int, size: int, *, is_drawn: bool) -> int:
    """The point that a trial runs. It depends on the trial's number alone, so no point is run twice, however often the
    sweep is stopped or made longer, and whoever else works on it."""
    if not is_drawn:
        return number
    if size <= _SMALL:
        return _shuffled(size)[number]
    return _draws(number + 1, size)[number]


@lru_cache(maxsize=1)
def _shuffled(size: int) -> list[int]:
    order = list(range(size))
    random.Random(0).shuffle(order)
    return order


@lru_cache(maxsize=1)
def _draws(count: int, size: int) -> list[int]:
    """The first `count` different numbers that the generator gives."""
    generator, drawn = random.Random(0), dict[int, None]()
    while len(drawn) < count:
        drawn[generator.randrange(size)] = None
    return list(drawn)
