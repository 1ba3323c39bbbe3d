"""Which runs are interrupted, and how: every choice that ships and everything in between, with every strike, in pairs.

The first cases cover the most, so whoever stops early has seen much.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from tests.faults import choices
from tests.faults.fault import NUM_DISK_OPERATIONS, Fault, Kind, Phase
from tests.faults.pairs import Rows, Value

# In the order in which a run comes through the phases, or a later strike would find it beyond.
STRIKES: list[tuple[Kind, Phase]] = [
    ("SIGKILL", "start"),
    *itertools.product(
        ("SIGKILL", "exception", "SIGTERM", "SIGINT"),
        ("first step", "train step", "validation", "epoch end", "save"),
    ),
    ("SIGKILL", "between batches"),
    ("full disk", "save"),
    ("SIGKILL", "test"),
]
STRIKES_PER_CASE = 3


@dataclass(frozen=True)
class Case:
    """A run, by what was chosen of each factor, and what strikes it one after the other, each time it was started."""

    chosen: tuple[Value, ...]
    faults: tuple[Fault, ...]

    @property
    def overrides(self) -> list[str]:
        return choices.overrides(dict(self.chosen))

    @property
    def choices(self) -> list[Value]:
        """Of every factor that pairs are made of."""
        chosen = dict(self.chosen)
        return [(factor, chosen.get(factor, next(iter(names)))) for factor, names in choices.FACTORS.items()]

    def __str__(self) -> str:
        """What is not as usual; what strikes it."""
        usual = {(factor, next(iter(names))) for factor, names in choices.FACTORS.items()}
        unusual = [f"{factor} {name}" for factor, name in self.chosen if (factor, name) not in usual]
        return f"{', '.join(unusual)}: {', '.join(map(str, self.faults))}"


def case(*faults: Fault, **chosen: str) -> Case:
    """`case(fault, model="cnn", average="moving")`; what is not named is as usual."""
    return Case(tuple(chosen.items()), faults)


def cases() -> list[Case]:
    """All of them, the same each time as long as there are the same choices. Those of two processes are no part of the
    pairs: they take many times as long."""
    first, *others = _of_two_processes()
    return [first, *(_case(row) for row in _rows().choose(num_strikes=STRIKES_PER_CASE)), *others]


def met_pairs(struck: list[tuple[Case, list[Value]]]) -> tuple[int, int]:
    """How many pairs have met in these cases, of which each was struck by what is named; and how many there are."""
    possible = _rows().pairs()
    met: set[tuple[Value, Value]] = set()
    for case_, strikes in struck:
        met |= {*itertools.combinations(case_.choices, 2), *itertools.product(case_.choices, strikes)}
    return len(possible & met), len(possible)


def strike_of(kind: str, phase: str) -> Value:
    return "strike", f"{kind}, {phase}"


def _rows() -> Rows:
    factors = [[(factor, name) for name in choices.FACTORS[factor]] for factor in choices.FREE]
    return Rows(list(choices.groups()), factors, [strike_of(*strike) for strike in STRIKES])


def _case(row: list[Value]) -> Case:
    chosen = {factor: name for factor, name in row if factor != "strike"}
    strikes = [strike for strike in STRIKES if strike_of(*strike) in row]
    return Case(tuple(chosen.items()), tuple(_faults(strikes, _num_steps(chosen), random.Random(str(row)))))


def _num_steps(chosen: dict[str, str]) -> int:
    """Until the last epoch ends, or the second validation where that stops the run."""
    num_batches = choices.NUM_BATCHES * choices.NUM_EPOCHS
    if chosen["stopping"] == "early":
        num_batches = {"after epochs": 12, "within epochs": 10, "twice an epoch": 6}[chosen["validation"]]
    return num_batches // (2 if chosen["accumulation"] == "two batches" else 1)


def _faults(strikes: list[tuple[Kind, Phase]], num_steps: int, random_: random.Random) -> Iterator[Fault]:
    """One behind the other: each may strike from a later step on than the one before."""
    order = {"start": 0, "first step": 1, "test": 3}
    steps = sorted(random_.randrange(num_steps - 1) for _ in strikes)
    for (kind, phase), step in zip(sorted(strikes, key=lambda strike: order.get(strike[1], 2)), steps, strict=True):
        operation = random_.randrange(2 if kind == "full disk" else NUM_DISK_OPERATIONS + 1)
        yield Fault(kind, phase, step, operation if phase == "save" else 0)


def _of_two_processes() -> Iterator[Case]:
    """Each with a process that is killed in every phase, the second and the first in turn."""
    phases = [phase for phase in get_args(Phase) if phase not in ("start", "test")]
    faults = [Fault("lost rank", phase, number, rank=(number + 1) % 2) for number, phase in enumerate(phases)]
    yield case(*faults, processes="two", model="mlp", average="moving", accumulation="two batches")
    yield case(*faults, processes="two", model="cnn", augmentation="mixup", precision="bfloat16")
    yield case(*faults, processes="two", model="gru", data="reviews", optimizer="muon", scheduler="plateau")
