"""What a sweep shows while it runs: a table that renews itself on a terminal, a line per finished trial in a log."""

import shutil
import sys
import time
from typing import Any

from iolaus.sweep.objective import Goal

_RENEWED_EVERY = 0.5  # seconds
_MOST_LINES = 12  # of running trials
_OVER = ("finished", "pruned", "failed")


class Board:
    """Fed with all records whenever one has changed."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._is_live = sys.stdout.isatty()
        self._num_lines = 0
        self._said: set[int] | None = None
        self._num_before = 0  # trials that an earlier session has done
        self._drawn = 0.0
        self._started = time.monotonic()

    def show(self, records: list[dict[str, Any]]) -> None:
        if self._said is None:  # what an earlier session has done is not news
            self._said = {record["number"] for record in records if record["state"] in _OVER}
            self._num_before = len(self._said)
        news = [record for record in records if record["state"] in _OVER and record["number"] not in self._said]
        if self._is_live and (news or time.monotonic() - self._drawn > _RENEWED_EVERY):
            self._clear()
        for record in news:
            self._said.add(record["number"])
            print(self._line(record, records), flush=True)
        if self._is_live and self._num_lines == 0:
            self._draw(records)

    def close(self) -> None:
        self._clear()

    def _line(self, record: dict[str, Any], records: list[dict[str, Any]]) -> str:
        num_over = sum(other["number"] in (self._said or ()) for other in records)
        best = best_of(records, self._goal)
        what = (
            f"{record['reason']}" if record["state"] == "failed" else f"{self._goal.metric} {number(record['value'])}"
        )
        beside = f"  (best {number(best['value'])}, trial {best['number']})" if best else ""
        return (
            f"[{num_over}/{len(records)}] trial {record['number']} {record['state']}: {what}{beside}  "
            f"{parameters(record)}  {record['seconds']:.1f} s"
        )

    def _draw(self, records: list[dict[str, Any]]) -> None:
        width = shutil.get_terminal_size().columns
        running = [record for record in records if record["state"] == "running"]
        lines = [self._headline(records)]
        for record in running[:_MOST_LINES]:
            value = number(record["value"])
            lines.append(f"  {record['number']:>4}  {value:>8}  {record['steps']:>6} steps  {parameters(record)}")
        print("\n".join(line[: width - 1] for line in lines), flush=True)
        self._num_lines, self._drawn = len(lines), time.monotonic()

    def _headline(self, records: list[dict[str, Any]]) -> str:
        counts = {
            state: sum(record["state"] == state for record in records) for state in ("running", *_OVER, "waiting")
        }
        shown = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        best = best_of(records, self._goal)
        parts = [shown]
        if best:
            parts.append(f"best {self._goal.metric} {number(best['value'])} (trial {best['number']})")
        left = self._seconds_left(records)
        if left is not None:
            parts.append(f"about {duration(left)} left")
        return " · ".join(parts)

    def _seconds_left(self, records: list[dict[str, Any]]) -> float | None:
        """As fast as this session has been so far."""
        num_over = sum(record["state"] in _OVER for record in records)
        num_done = num_over - self._num_before
        return (time.monotonic() - self._started) / num_done * (len(records) - num_over) if num_done else None

    def _clear(self) -> None:
        if self._num_lines:
            print(f"\x1b[{self._num_lines}A\x1b[J", end="", flush=True)
        self._num_lines = 0


def best_of(records: list[dict[str, Any]], goal: Goal) -> dict[str, Any] | None:
    """The best of the finished trials."""
    finished = [record for record in records if record["state"] == "finished" and record["value"] is not None]
    return next(iter(ranked(finished, goal)), None)


def ranked(records: list[dict[str, Any]], goal: Goal) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: record["value"], reverse=goal.mode == "max")


def leaderboard(records: list[dict[str, Any]], goal: Goal, *, length: int = 10) -> str:
    """The best trials, and why others failed."""
    finished = ranked([record for record in records if record["state"] == "finished"], goal)
    lines = [f"  {'trial':>5}  {goal.metric:>14}  parameters"] if finished else []
    for record in finished[:length]:
        spread = f" ± {record['deviation']:.4f}" if record["deviation"] is not None else ""
        lines.append(f"  {record['number']:>5}  {number(record['value']) + spread:>14}  {parameters(record)}")
    failed = [record for record in records if record["state"] == "failed"]
    lines += [f"  {record['number']:>5}  failed: {record['reason']}  {parameters(record)}" for record in failed]
    return "\n".join(lines)


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def parameters(record: dict[str, Any]) -> str:
    texts = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in record["params"].values())
    return " ".join(f"{key}={text}" for key, text in zip(record["params"], texts, strict=True))


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes > 2 else f"{60 * minutes + rest} s"
