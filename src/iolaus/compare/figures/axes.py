"""An option as an axis: where each trial's value lies on it, and what is written there."""

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from iolaus.compare.figures.style import plain
from iolaus.compare.importance import MISSING
from iolaus.compare.table import is_number, words
from iolaus.compare.trials import Trial

# So few different numbers that come again are a list of choices, evenly spaced; a wider range is read by magnitudes.
_MAX_CHOICES, _LOG_RATIO = 7, 50
_MAX_WRITTEN = 18


@dataclass(frozen=True)
class Axis:
    """positions (trials,): float32. ticks, texts: what is written where; None leaves it to plotly."""

    positions: np.ndarray
    ticks: list[float] | None
    texts: list[str] | None
    is_discrete: bool
    is_log: bool = False

    def spread(self, width: float = 0.36) -> np.ndarray:
        """Positions for points that would hide each other: those of a choice are set a little apart."""
        if not self.is_discrete:
            return self.positions
        golden = (np.arange(len(self.positions)) * 0.618034) % 1.0
        return (self.positions + (golden - 0.5) * width).astype(np.float32)

    def with_ends(self) -> "Axis":
        """With a tick at either end of the values, in place of those that it would touch."""
        if self.is_discrete or self.ticks is None or self.texts is None:
            return self
        low, high = float(self.positions.min()), float(self.positions.max())
        room = 0.05 * (high - low)
        inside = [
            (tick, text) for tick, text in zip(self.ticks, self.texts, strict=True) if low + room < tick < high - room
        ]
        first = (low, MISSING) if MISSING in self.texts else (low, self._value(low))
        ticks, texts = zip(first, *inside, (high, self._value(high)), strict=True)
        return replace(self, ticks=list(ticks), texts=list(texts))

    def _value(self, position: float) -> str:
        return f"{10**position if self.is_log else position:.3g}"

    def layout(self) -> dict[str, Any]:
        """As plotly has it for an axis of a scatter plot."""
        ticks = {} if self.ticks is None else {"tickmode": "array", "tickvals": self.ticks, "ticktext": self.texts}
        if not self.is_discrete:
            return ticks
        assert self.ticks is not None
        return ticks | {"range": [-0.6, len(self.ticks) - 0.4], "showgrid": False}


def axis(option: str, trials: Sequence[Trial]) -> Axis:
    values = [trial.params.get(option) for trial in trials]
    numbers = [float(value) for value in values if value is not None and is_number(value)]
    others = [value for value in values if value is not None and not is_number(value)]
    if others or len(set(numbers)) <= min(_MAX_CHOICES, len(numbers) - 1):
        return _discrete(values)
    return _continuous(values, [number for number in numbers if math.isfinite(number)])


def _discrete(values: list[Any]) -> Axis:
    present = {words(value): value for value in values if value is not None}
    names = sorted(present, key=lambda name: _natural(present[name]))
    if any(value is None for value in values):
        names.append(MISSING)
    place = {name: number for number, name in enumerate(names)}
    positions = [place[MISSING if value is None else words(value)] for value in values]
    texts = [plain(_short(name)) for name in names]
    return Axis(np.array(positions, dtype=np.float32), [float(number) for number in range(len(names))], texts, True)


def _continuous(values: list[Any], numbers: list[float]) -> Axis:
    low, high = min(numbers), max(numbers)
    # Over magnitudes, and with as many of the values small: a dropout from 0.001 to 0.5 is still read evenly.
    is_log = low > 0 and high / low >= _LOG_RATIO and statistics.median(numbers) < low + 0.25 * (high - low)
    place = math.log10 if is_log else float
    span = place(high) - place(low)
    outside = place(low) - 0.12 * span
    is_there = [is_number(value) and math.isfinite(value) for value in values]
    positions = [place(value) if there else outside for value, there in zip(values, is_there, strict=True)]
    ticks = _log_ticks(low, high) if is_log else _linear_ticks(low, high)
    texts = [words(tick) for tick in ticks]
    marks = [place(tick) for tick in ticks]
    if not all(is_there):
        marks, texts = [outside, *marks], [MISSING, *texts]
    return Axis(np.array(positions, dtype=np.float32), marks, texts, False, is_log)


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten in between; with few of them, twos and fives as well."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    powers = [10.0**exponent for exponent in exponents if low <= 10.0**exponent <= high]
    stride = math.ceil(len(powers) / 5) or 1
    if len(powers) >= 3:
        return powers[::stride]
    return [
        digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5) if low <= digit * 10.0**exponent <= high
    ]


def _linear_ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 4
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(digit * magnitude for digit in (1, 2, 2.5, 5, 10) if digit * magnitude >= raw)
    first = math.ceil(low / step)
    return [round(number * step, 12) for number in range(first, math.floor(high / step) + 1)]


def _natural(value: Any) -> tuple[int, float, list[Any]]:
    """Numbers by size, then words, in which numbers count by size as well."""
    if is_number(value):
        return 0, float(value), []
    return 1, 0.0, [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", str(value))]


def _short(name: str) -> str:
    return name if len(name) <= _MAX_WRITTEN else f"{name[: _MAX_WRITTEN - 1]}…"
