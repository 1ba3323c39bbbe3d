"""Runs commands that a fault may strike, with the processes of a run that has several forked, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.faults import rank
from tests.faults.fault import Fault
from tests.forks import Ended, Forks


class Drill:
    """`run(["model=mlp"], folder, Fault(…))`."""

    def __init__(self, forks: Forks) -> None:
        self._forks = forks

    def __call__(self, arguments: list[str], folder: Path, fault: Fault | None = None) -> Ended:
        prelude = rank.__name__, {"fault": asdict(fault) if fault else None}
        return self._forks(arguments, folder, prelude=prelude, seconds=1200)


@contextmanager
def drill() -> Iterator[Drill]:
    with Forks() as forks:
        yield Drill(forks)
