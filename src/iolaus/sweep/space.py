"""What a sweep ranges over: Hydra's sweep overrides as Optuna's distributions, and their values as overrides again."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    FloatRange,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
)
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from iolaus.config.compose import options

Value = str | int | float | bool | None

_MOST_VALUES = 1_000_000  # of a range, which is kept as a list of them
_MOST_CHECKED = 64  # of a range, before the first trial


@dataclass(frozen=True)
class Dimension:
    """One swept key.

    key: as its values are typed, with a `+` where there was one.
    values: what a grid goes through, in order; None for an interval, which has no end of them.
    texts: the values as overrides have them; None where that is plain.
    """

    key: str
    distribution: BaseDistribution
    values: tuple[Value, ...] | None
    texts: tuple[str, ...] | None = None
    is_shuffled: bool = False

    @property
    def name(self) -> str:
        return self.key.lstrip("+")

    def override(self, value: Value) -> str:
        text = repr(value) if self.texts is None or self.values is None else self.texts[self.values.index(value)]
        return f"{self.key}={text}"

    def describe(self) -> str:
        if isinstance(self.distribution, CategoricalDistribution):
            return ", ".join(map(str, self.distribution.choices))
        low, high = self.distribution.low, self.distribution.high  # type: ignore[attr-defined]
        step = getattr(self.distribution, "step", None)
        steps = f", in steps of {step}" if step and self.values is not None else ""
        kind = ", whole numbers" if isinstance(self.distribution, IntDistribution) and not steps else ""
        return f"{low} to {high}{steps}{kind}{', log' if getattr(self.distribution, 'log', False) else ''}"

    def ends(self) -> tuple[Value, ...]:
        """The values to check beforehand: all that are typed, both ends of an interval, and of a long range some in
        between as well."""
        if self.values is not None:
            is_typed = isinstance(self.distribution, CategoricalDistribution)
            return self.values if is_typed else _spread(self.values)
        return self.distribution.low, self.distribution.high  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Space:
    """The swept keys in the order typed. The last one varies fastest, as in Hydra's own grids."""

    dimensions: tuple[Dimension, ...]

    @property
    def has_intervals(self) -> bool:
        return any(dimension.values is None for dimension in self.dimensions)

    @cached_property
    def size(self) -> float:
        """The points of the grid; infinite where there is an interval."""
        return math.prod(
            math.inf if dimension.values is None else len(dimension.values) for dimension in self.dimensions
        )

    def point(self, index: int) -> dict[str, Value]:
        """The grid's point of this number."""
        params: dict[str, Value] = {}
        for dimension in reversed(self.dimensions):
            assert dimension.values is not None
            index, digit = divmod(index, len(dimension.values))
            params[dimension.name] = dimension.values[digit]
        return dict(reversed(params.items()))

    def overrides(self, params: dict[str, Value]) -> list[str]:
        return [dimension.override(params[dimension.name]) for dimension in self.dimensions]

    def describe(self) -> dict[str, str]:
        return {dimension.name: dimension.describe() for dimension in self.dimensions}

    def samples(self) -> list[dict[str, Value]]:
        """Points that hold every value at least once: the first one, and then each value in its place."""
        first = {dimension.name: dimension.ends()[0] for dimension in self.dimensions}
        others = [first | {dimension.name: value} for dimension in self.dimensions for value in dimension.ends()[1:]]
        return [first, *others]


def _spread(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """So many of them that lie equally far apart, the first and the last among them; in their order."""
    if len(values) <= _MOST_CHECKED:
        return values
    return tuple(values[number * (len(values) - 1) // (_MOST_CHECKED - 1)] for number in range(_MOST_CHECKED))


def dimension(override: Override) -> Dimension:
    """What one sweep override ranges over.

    Raises:
        ValueError: if it holds no value, or asks for what makes no sense.
    """
    text, swept = override.input_line, override._value
    unknown: set[str] = getattr(swept, "tags", set()) - {"log"}
    if unknown:
        raise ValueError(f"{text}: there is no tag {', '.join(sorted(unknown))}; log is the only one.")
    if isinstance(swept, IntervalSweep):
        return _interval(override, swept)
    if isinstance(swept, RangeSweep):
        return _range(override, swept)
    if getattr(swept, "tags", None):
        raise ValueError(f"{text}: choices have no scale; tag(log, …) is for range and interval.")
    return _choice(override, list(_elements(override)))


def _interval(override: Override, swept: IntervalSweep) -> Dimension:
    low, high = swept.start, swept.end
    assert low is not None
    assert high is not None
    _refuse_bad_range(override, low, high, is_log="log" in swept.tags)
    # int(interval(1,2)) is of whole numbers; interval(1,2) is not.
    kind = IntDistribution if isinstance(low, int) and isinstance(high, int) else FloatDistribution
    return Dimension(override.get_key_element(), kind(low, high, log="log" in swept.tags), None)  # type: ignore[arg-type]


def _range(override: Override, swept: RangeSweep) -> Dimension:
    if swept.step == 0:
        raise ValueError(f"{override.input_line}: the step of a range cannot be 0.")
    numbers: range | FloatRange = swept.range()
    _refuse_endless(override, swept)
    values: tuple[float, ...] = tuple(numbers)
    if not values:
        raise ValueError(f"{override.input_line}: this range is empty.")
    low, high, is_log = min(values), max(values), "log" in swept.tags
    _refuse_bad_range(override, low, high, is_log=is_log)
    step = None if is_log else abs(swept.step)
    if all(isinstance(value, int) for value in values):
        distribution: BaseDistribution = IntDistribution(int(low), int(high), log=is_log, step=int(step or 1))
    else:
        distribution = FloatDistribution(low, high, log=is_log, step=step)
    return Dimension(override.get_key_element(), distribution, values, None, swept.shuffle)


def _refuse_endless(override: Override, swept: RangeSweep) -> None:
    start, stop = swept.start or 0, swept.stop
    assert stop is not None
    count = math.ceil((stop - start) / swept.step)
    if count > _MOST_VALUES:
        kind = "int(interval(…))" if all(isinstance(end, int) for end in (start, stop, swept.step)) else "interval(…)"
        raise ValueError(
            f"{override.input_line}: this range has {count:,} values; type {kind} to search it, with as many trials as "
            "sweep.trials=100, say, allows."
        )


def _refuse_bad_range(override: Override, low: float, high: float, *, is_log: bool) -> None:
    if low > high:
        raise ValueError(f"{override.input_line}: the range is empty, because it begins above its end.")
    if is_log and low <= 0:
        raise ValueError(f"{override.input_line}: a logarithmic range has to begin above 0.")


def _elements(override: Override) -> Iterable[Any]:
    swept = override._value
    if isinstance(swept, Glob):
        names = options(override.key_or_group)
        found = swept.filter(names)
        if not found:
            there_are = f"; there are {', '.join(names)}." if names else f": {override.key_or_group} is no group."
            raise ValueError(f"{override.input_line}: nothing has such a name{there_are}")
        return found
    return swept.list if isinstance(swept, ChoiceSweep) else swept  # type: ignore[return-value]


def _choice(override: Override, elements: list[Any]) -> Dimension:
    texts = [Override._get_value_element_as_str(element) for element in elements]
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise ValueError(f"{override.input_line}: {twice} is in there twice; sweep.seeds=2 runs every point twice.")
    if not texts:
        raise ValueError(f"{override.input_line}: there is nothing to choose from.")
    values: list[Value] = [_plain(element) for element in elements]
    if len(set(values)) < len(values):  # 1 and True are the same to Python
        values = list(texts)
    is_shuffled = isinstance(override._value, ChoiceSweep) and override._value.shuffle
    key = override.get_key_element()
    return Dimension(key, CategoricalDistribution(values), tuple(values), tuple(texts), is_shuffled)


def _plain(element: Any) -> Value:
    """The element as Optuna can store it: lists and dictionaries by their text."""
    if isinstance(element, QuotedString):
        return element.text
    if element is None or isinstance(element, (str, int, float, bool)):
        return element
    return Override._get_value_element_as_str(element)
