"""The leaderboard in plain text: read on a terminal and in a log file alike."""

import textwrap
from collections import defaultdict
from collections.abc import Sequence

from iolaus.compare.table import Column, columns, duration, number
from iolaus.compare.trials import Comparison, State, Trial

# Longer cells would push the columns behind them off the screen.
_MAX_CELL = 28
_WIDTH = 120
_STATES: tuple[State, ...] = ("finished", "running", "waiting", "pruned", "interrupted", "failed")


def leaderboard(comparison: Comparison, *, num_shown: int = 20) -> str:
    """The best trials as a table, how many there are of each state, and why those that failed did."""
    parts = [_headline(comparison), _table(comparison, num_shown), *_left_out(comparison, num_shown)]
    if comparison.warning:
        parts.append(f"warning: {comparison.warning}")
    parts += [_reasons(state, comparison.of_state(state)) for state in ("pruned", "failed", "interrupted")]
    best = comparison.complete[0] if comparison.complete else None
    if best and best.command:
        parts.append(f"best: {best.command}")
    return "\n\n".join(part for part in parts if part)


def _headline(comparison: Comparison) -> str:
    counts = [f"{len(found)} {state}" for state in _STATES if (found := comparison.of_state(state))]
    seconds = sum(trial.seconds or 0 for trial in comparison.trials)
    aims = ", ".join(f"{objective.metric} ({objective.mode})" for objective in comparison.objectives)
    return f"{comparison.title}: {', '.join(counts)}; {duration(seconds)} of training; by {aims}"


def _table(comparison: Comparison, num_shown: int) -> str:
    """Failed trials have nothing to show in it; their reasons follow below."""
    ranked = [trial for trial in comparison.trials if trial.state != "failed"][:num_shown]
    if not ranked:
        return ""
    shown = _worth_showing(columns(comparison), ranked)
    header = ["", *_headings(shown)]
    rows = [
        [str(rank) if trial.is_complete else "", *(_cut(column.show(column.value(trial))) for column in shown)]
        for rank, trial in enumerate(ranked, start=1)
    ]
    widths = [max(len(row[place]) for row in [header, *rows]) for place in range(len(header))]
    is_number = [True, *(column.kind == "number" for column in shown)]
    rule = ["─" * width for width in widths]
    return "\n".join(_line(row, widths, is_number) for row in [header, rule, *rows])


def _worth_showing(found: list[Column], trials: Sequence[Trial]) -> list[Column]:
    """No column that says nothing: empty in every row, or that all have finished."""
    worth = []
    for column in found:
        cells = {column.show(column.value(trial)) for trial in trials}
        if cells not in ({""}, {"finished"}):
            worth.append(column)
    return worth


def _headings(shown: Sequence[Column]) -> list[str]:
    """`lr` for optimizer.lr, where no other option ends so."""
    ends = [column.name.rpartition(".")[2] for column in shown]
    return [end if ends.count(end) == 1 else column.name for column, end in zip(shown, ends, strict=True)]


def _line(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    aligned = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, is_number, strict=True)
    ]
    return "  ".join(aligned).rstrip()


def _left_out(comparison: Comparison, num_shown: int) -> list[str]:
    num_left = sum(trial.state != "failed" for trial in comparison.trials) - num_shown
    return [f"… and {num_left} more"] if num_left > 0 else []


def _reasons(state: State, trials: Sequence[Trial]) -> str:
    """One line per reason, however many trials share it."""
    by_reason: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_reason[(trial.reason or "no reason was recorded").splitlines()[0]].append(trial)
    if not trials or (state != "failed" and list(by_reason) == ["no reason was recorded"]):
        return ""
    lines = [f"{state}:"]
    for reason, sharing in by_reason.items():
        line = f"{reason}  ({_listed(sharing)})"
        lines.append(textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(lines)


def _listed(trials: Sequence[Trial]) -> str:
    names = [trial.name for trial in trials[:8]]
    more = f" and {len(trials) - 8} more" if len(trials) > 8 else ""
    value = trials[0].values[0] if len(trials) == 1 and trials[0].values else None
    reached = f", reached {number(value)}" if value is not None else ""
    return f"{'trials' if len(trials) > 1 else 'trial'} {', '.join(names)}{more}{reached}"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 1]}…"
