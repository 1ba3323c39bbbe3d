"""What is compared: trials, what they were measured by, and the comparison as a whole."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

State = Literal["waiting", "running", "finished", "pruned", "failed", "interrupted"]

# A metric over the epochs: epochs counted from 1, and the values that were there.
Curve = tuple[list[int], list[float]]


@dataclass(frozen=True)
class Objective:
    """The validation metric that decides which trial is better."""

    metric: str
    mode: Literal["min", "max"]

    def better(self, one: float, other: float) -> bool:
        return one > other if self.mode == "max" else one < other

    def rank(self, value: float) -> float:
        """For sorting: less is better, whatever the mode."""
        return -value if self.mode == "max" else value

    def __str__(self) -> str:
        return self.metric


@dataclass(frozen=True)
class Trial:
    """One point of a sweep, or one run of those that were named.

    values: one per objective; None where there is none (yet).
    deviation: of the first objective over the seeds, if there were several.
    params: the options in which the trials may differ.
    metrics: what else its runs reached, by name; means over the seeds.
    seconds: it took, over all its seeds.
    runs: its run folders: several if it was run with several seeds.
    data: what it was trained on, by name.
    """

    name: str
    state: State
    values: tuple[float | None, ...]
    params: dict[str, Any]
    deviation: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    num_steps: int | None = None
    reason: str | None = None
    command: str = ""
    runs: tuple[Path, ...] = ()
    curves: dict[str, Curve] = field(default_factory=dict)
    data: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it counts: it finished and has a number for every objective."""
        return self.state == "finished" and all(value is not None and math.isfinite(value) for value in self.values)


@dataclass(frozen=True)
class Comparison:
    """Trials in the order of the leaderboard.

    source: the folder that it was read from, if it was one.
    facts: about the whole, in words, by name: the sweep's command, its sampler, when it began.
    space: what was searched, by option, as the user typed it.
    """

    title: str
    objectives: tuple[Objective, ...]
    trials: tuple[Trial, ...]
    source: Path | None = None
    facts: dict[str, str] = field(default_factory=dict)
    space: dict[str, str] = field(default_factory=dict)

    @property
    def objective(self) -> Objective:
        """The first of them, by which the leaderboard is sorted."""
        return self.objectives[0]

    @property
    def complete(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.is_complete)

    @property
    def warning(self) -> str | None:
        """What a reader has to know before comparing."""
        data = sorted({trial.data for trial in self.trials if trial.data})
        if len(data) < 2:
            return None
        return f"The trials read different data ({', '.join(data)}), so their values do not compare."

    def of_state(self, *states: State) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.state in states)
