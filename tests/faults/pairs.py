"""Few rows of values in which every two of different factors meet that can."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations, product

Value = tuple[str, str]  # a factor, and the name of one of its values


class Unmet:
    """Pairs of values that have not been in one row yet."""

    def __init__(self, pairs: Iterable[tuple[Value, Value]]) -> None:
        self._others: dict[Value, set[Value]] = defaultdict(set)
        for one, other in pairs:
            self._others[one].add(other)
            self._others[other].add(one)

    def __len__(self) -> int:
        return sum(map(len, self._others.values())) // 2

    def num_with(self, value: Value, row: Iterable[Value]) -> int:
        """How many of the row it has not met."""
        return len(self._others[value].intersection(row))

    def meet(self, row: Iterable[Value]) -> None:
        for one, other in combinations(row, 2):
            self._others[one].discard(other)
            self._others[other].discard(one)

    def rarest(self) -> tuple[Value, Value]:
        """Two that have not met, of those that have met the fewest."""
        one = max(self._others, key=lambda value: len(self._others[value]))
        return one, max(sorted(self._others[one]), key=lambda value: len(self._others[value]))


class Rows:
    """Chooses greedily, the rows in which most pairs meet first; the same ones each time.

    groups: values that go together, because not any two of theirs do. One group is in each row.
    factors: one value of each is in each row.
    strikes: values of which several are in each row; they need not meet each other.
    """

    def __init__(self, groups: list[list[Value]], factors: list[list[Value]], strikes: list[Value]) -> None:
        self._groups, self._factors, self._strikes = groups, factors, strikes
        self._times: Counter[Value] = Counter()

    def pairs(self) -> set[tuple[Value, Value]]:
        """All that can meet."""
        grouped = list(dict.fromkeys(value for group in self._groups for value in group))
        kinds = [grouped, *self._factors, self._strikes]
        found = {pair for group in self._groups for pair in combinations(group, 2)}
        return found.union(*(product(one, other) for one, other in combinations(kinds, 2)))

    def choose(self, *, num_strikes: int) -> list[list[Value]]:
        unmet, rows = Unmet(sorted(self.pairs())), []
        while unmet:
            row = self._row(unmet, unmet.rarest(), num_strikes)
            unmet.meet(row)
            self._times.update(row)
            rows.append(row)
        return rows

    def _row(self, unmet: Unmet, wanted: tuple[Value, Value], num_strikes: int) -> list[Value]:
        """One in which the wanted two meet, and as many others as greed finds."""

        def newest(values: Iterable[Value], row: list[Value]) -> list[Value]:
            return sorted(values, key=lambda v: (v not in wanted, -unmet.num_with(v, row), self._times[v]))

        grouped = {value for group in self._groups for value in group}.intersection(wanted)
        fitting = [group for group in self._groups if grouped.issubset(group)]
        row = [*max(fitting, key=lambda group: sum(unmet.num_with(value, [*group, *wanted]) for value in group))]
        for values in self._factors:
            row.append(newest(values, row)[0])
        return row + newest(self._strikes, row)[:num_strikes]
