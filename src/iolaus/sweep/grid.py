"""In which order a grid is gone through: as typed when it is run whole; drawn at random when only a part of it is."""

import random
from functools import lru_cache

_SMALL = 1_000_000  # points that are shuffled as a list


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
