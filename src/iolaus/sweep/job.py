"""What the process that runs a sweep and those that run its trials say to each other."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from iolaus.config.compose import Composed

Status = Literal["finished", "pruned", "failed", "interrupted"]


@dataclass(frozen=True)
class Share:
    """What of the machine is a trial's own.

    cores: their numbers; empty: whatever its process is given.
    gpus: as CUDA_VISIBLE_DEVICES has them; None where there are none to be shared.
    """

    num_threads: int
    cores: tuple[int, ...] = ()
    gpus: str | None = None


@dataclass(frozen=True)
class Job:
    """One run of a trial: `name` is its folder within the sweep, `3` or `3/seed-0`.

    composed: what the overrides come to; None: the trial has to find out.
    metrics: what is reported after each validation.
    can_be_pruned: whether an answer is waited for then.
    script: the train.py of its command.
    """

    name: str
    folder: Path
    overrides: list[str]
    sweep: str
    metrics: list[str]
    script: str
    can_be_pruned: bool = False
    timeout: float | None = None
    composed: Composed | None = None


@dataclass(frozen=True)
class Report:
    """After a validation. epoch: counted from 1."""

    job: str
    epoch: int
    num_steps: int
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """The run is over, and its process gone."""

    job: str
    status: Status
    reason: str | None = None


class Engine(Protocol):
    """Where jobs run, and how many at a time."""

    num_workers: int

    def start(self, job: Job) -> None:
        """Only while a worker is free."""

    def events(self, timeout: float) -> list[Report | Ended]:
        """What happened since; waits so many seconds if that is nothing."""

    def answer(self, job: str, *, go_on: bool) -> None:
        """To a report of a job that can be pruned."""

    def stop(self, job: str, *, at_once: bool) -> None:
        """Ends a job: kindly, so that it can write a checkpoint, or not. Its end is an event like any other."""

    def close(self) -> None:
        """Ends whatever still runs."""
