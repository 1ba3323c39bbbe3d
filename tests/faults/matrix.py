"""Which runs are interrupted, and how: every model, optimizer, schedule, kind of data and feature with every strike.

Every two of these meet in some case, as far as they can (a text model reads no pictures). Cases are chosen greedily:
each is the one, among random candidates, in which most pairs meet that have not met before. So the first cases cover
the most, and whoever stops early has seen much.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from iolaus.config.compose import compose, options
from tests.faults.fault import NUM_DISK_OPERATIONS, Fault, Kind, Phase
from tests.models.test_contract import SMALL, SMALL_OWN
from tests.test_matrix import NAIVE, PAIRS

# Kinds with phases; in the order in which a run comes through the phases, or a later strike would find it beyond.
STRIKES: list[tuple[Kind, Phase]] = [
    ("SIGKILL", "start"),
    *itertools.product(
        ("SIGKILL", "SIGTERM", "SIGINT", "exception"), ("train step", "validation", "epoch end", "save")
    ),
    ("SIGKILL", "accumulation"),
    ("full disk", "save"),
    ("SIGKILL", "test"),
]
STRIKES_PER_CASE = 4
NUM_BATCHES, NUM_EPOCHS, ACCUMULATED = 6, 2, 2  # batches of an epoch, epochs, batches per step

# What else may stand between a run and its repetition. None: on every kind of data.
FEATURES: dict[str, tuple[str | None, list[str]]] = {
    "none": (None, []),
    "moving average": (None, ["callbacks.ema.decay=0.9"]),
    "clipping": (None, ["trainer.gradient_clip_val=0.5"]),
    "early stopping": (None, ["callbacks.early_stopping.patience=1"]),
    "bfloat16": (None, ["trainer.precision=bf16-mixed"]),
    "two validations an epoch": (None, ["+trainer.val_check_interval=4"]),
    "mixup": ("digits", ["data.mixup=0.4", "data.flip=true"]),
    "word dropout": ("reviews", ["data.word_dropout=0.2"]),
}
_CANDIDATES = 20
_RANDOM_SEED = 1


@dataclass(frozen=True)
class Case:
    """A run, and what strikes it one after the other, each time it has been started again."""

    model: str
    data: str
    optimizer: str
    scheduler: str
    feature: str
    accumulates: bool
    faults: tuple[Fault, ...]

    @property
    def overrides(self) -> list[str]:
        return [
            *(f"{group}={getattr(self, group)}" for group in ("model", "data", "optimizer", "scheduler")),
            *_small(self.model),
            *FEATURES[self.feature][1],
            *(["scheduler.patience=0"] if self.scheduler == "plateau" else []),
            *([f"trainer.accumulate_grad_batches={ACCUMULATED}"] if self.accumulates else []),
            *("trainer=cpu", "data.batch_size=16", f"trainer.max_epochs={NUM_EPOCHS}", "trainer.log_every_n_steps=2"),
            *(f"+trainer.limit_{part}_batches={number}" for part, number in _LIMITS.items()),
            "callbacks.checkpoint.every_n_steps=2",
        ]


_LIMITS = {"train": NUM_BATCHES, "val": 2, "test": 2}


def cases() -> list[Case]:
    """All of them, those that cover most first; the same each time, as long as there are the same choices."""
    random_ = random.Random(_RANDOM_SEED)
    left = {pair for pair in _all_pairs() if _is_possible(*pair)}
    chosen = []
    while left:
        wanted = sorted(left)
        candidates = [_candidate(random_, random_.choice(wanted)) for _ in range(_CANDIDATES)]
        best = max(candidates, key=lambda case: len(left & _pairs_of(case)))
        left -= _pairs_of(best)
        chosen.append(best)
    return chosen


def num_pairs(chosen: list[Case]) -> tuple[int, int]:
    """How many pairs meet in these cases, and how many there are."""
    possible = {pair for pair in _all_pairs() if _is_possible(*pair)}
    return len(possible & {pair for case in chosen for pair in _pairs_of(case)}), len(possible)


Value = tuple[str, str]  # of a factor
_FACTORS: dict[str, list[str]] = {
    "model": [name for name in options("model") if name not in NAIVE],
    "data": sorted({data for _, data in PAIRS}),
    "optimizer": options("optimizer"),
    "scheduler": options("scheduler"),
    "feature": list(FEATURES),
    "strike": [f"{kind}, {phase}" for kind, phase in STRIKES],
}


@cache
def _all_pairs() -> list[tuple[Value, Value]]:
    values = [[(factor, name) for name in names] for factor, names in _FACTORS.items()]
    return [pair for one, other in itertools.combinations(values, 2) for pair in itertools.product(one, other)]


def _is_possible(one: Value, other: Value) -> bool:
    chosen = dict((one, other))
    data = FEATURES[chosen.get("feature", "none")][0]
    if "model" in chosen:
        readable = {name for model, name in PAIRS if model == chosen["model"]}
        return chosen.get("data", data) in readable | {None}
    return data is None or chosen.get("data", data) == data


def _candidate(random_: random.Random, wanted: tuple[Value, Value]) -> Case:
    """A random case in which the wanted pair meets."""
    chosen = dict(wanted)
    while True:
        feature = chosen.get("feature") or random_.choice(list(FEATURES))
        model, data = random_.choice(PAIRS)
        model, data = chosen.get("model", model), chosen.get("data", data)
        if (model, data) in PAIRS and model not in NAIVE and FEATURES[feature][0] in (None, data):
            break
    strikes = random_.sample(STRIKES, STRIKES_PER_CASE)
    if "strike" in chosen:
        kind, phase = chosen["strike"].split(", ")
        strikes[0] = kind, phase  # type: ignore[assignment]
    accumulates = ("SIGKILL", "accumulation") in strikes or random_.random() < 0.3
    return Case(
        model,
        data,
        chosen.get("optimizer") or random_.choice(_FACTORS["optimizer"]),
        chosen.get("scheduler") or random_.choice(_FACTORS["scheduler"]),
        feature,
        accumulates,
        tuple(_faults(random_, list(dict.fromkeys(strikes)), accumulates)),
    )


def _faults(random_: random.Random, strikes: list[tuple[Kind, Phase]], accumulates: bool) -> Iterator[Fault]:
    """One behind the other: each may strike from a later step on than the one before."""
    num_steps = NUM_EPOCHS * NUM_BATCHES // (ACCUMULATED if accumulates else 1)
    steps = sorted(random_.randrange(num_steps - 1) for _ in strikes)
    order = {"start": 0, "test": 2}
    for (kind, phase), step in zip(sorted(strikes, key=lambda strike: order.get(strike[1], 1)), steps, strict=True):
        yield Fault(kind, phase, step, random_.randrange(2 if kind == "full disk" else NUM_DISK_OPERATIONS + 1))


def _pairs_of(case: Case) -> set[tuple[Value, Value]]:
    single = [(factor, getattr(case, factor)) for factor in _FACTORS if factor != "strike"]
    strikes = [("strike", f"{fault.kind}, {fault.phase}") for fault in case.faults]
    return {*itertools.combinations(single, 2), *itertools.product(single, strikes)}


@cache
def _small(model: str) -> list[str]:
    """The model as small as it can be, so that what is measured is everything else."""
    node = compose([f"model={model}"]).config.model
    chosen = {key: value for key, value in SMALL.items() if key in node} | SMALL_OWN.get(model, {})
    return [f"model.{key}={_typed(value)}" for key, value in chosen.items()]


def _typed(value: Any) -> str:
    return "null" if value is None else str(list(value)) if isinstance(value, tuple) else str(value)
