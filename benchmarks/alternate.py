"""Compares running times on a machine that is not ours alone: contenders take turns, and ratios are what counts.

A round measures every contender once, one right after the other, so that the machine's load is much the same for all.
Ratios and differences are taken within a round; what is reported is their median over the rounds.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import torch

from iolaus.hardware import hardware


@dataclass(frozen=True)
class Rounds:
    """What each contender took, round by round."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, name: str, baseline: str) -> float:
        """How many times as long as the baseline it took."""
        return statistics.median(mine / its for mine, its in self._pairs(name, baseline))

    def extra(self, name: str, baseline: str) -> float:
        """How many seconds more than the baseline it took."""
        return statistics.median(mine - its for mine, its in self._pairs(name, baseline))

    def _pairs(self, name: str, baseline: str) -> Iterator[tuple[float, float]]:
        return zip(self.seconds[name], self.seconds[baseline], strict=True)


def alternate(contenders: Mapping[str, Callable[[], float]], *, num_rounds: int) -> Rounds:
    """Calls each contender once a round; it returns the seconds it took. The first of several rounds only warms up.

    Every other round goes backwards, so that a load which rises all along favours nobody.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(num_rounds):
        for name in list(contenders)[:: 1 if number % 2 == 0 else -1]:
            seconds[name].append(contenders[name]())
    return Rounds({name: taken[num_rounds > 1 :] for name, taken in seconds.items()})


def now() -> float:
    """Seconds on the clock that the user chose."""
    return _clock()


def seconds_of(work: Callable[[], Any]) -> float:
    started = now()
    work()
    return now() - started


def _processor_seconds() -> float:
    """What this process, and the ended ones that it started, have had of a core."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


_clock = time.perf_counter


def arguments(description: str | None, *, num_rounds: int) -> argparse.Namespace:
    """The options that every benchmark takes; prints what is measured, when and on what.

    One thread is the rule: torch processes that have a machine's cores to share are many times slower with more.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=num_rounds, help="how often each contender is measured")
    parser.add_argument("--quick", action="store_true", help="one round of the smallest sizes: does it run at all?")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads; more than one only on an idle machine")
    parser.add_argument(
        "--processor",
        action="store_true",
        help="measure processor time: on a busy machine, waiting for a core is left out",
    )
    options = parser.parse_args()
    global _clock
    _clock = _processor_seconds if options.processor else time.perf_counter
    torch.set_num_threads(options.threads)
    if options.quick:
        options.rounds = 1
    clock = "processor time" if options.processor else "wall time"
    print(f"{(description or '').splitlines()[0]}\n{date.today()}, {_machine()}, {clock}, rounds: {options.rounds}\n")
    return options


def _machine() -> str:
    machine = hardware()
    return (
        f"{machine['cpu']}, {machine['cores']} cores of which {torch.get_num_threads()} used, torch {torch.__version__}"
    )
