"""The leaderboard as rows of an HTML table."""

import html
import math

from iolaus.compare.table import Column, columns
from iolaus.compare.trials import Comparison, Trial

# A state is told apart by its sign as well as its colour.
_SIGNS = {"finished": "✓", "running": "▸", "waiting": "·", "pruned": "✂", "interrupted": "‖", "failed": "✕"}


def state_boxes(comparison: Comparison) -> str:
    """A checkbox for each state that occurs, with how many trials are in it."""
    counts = {state: len(found) for state in _SIGNS if (found := comparison.of_state(state))}  # type: ignore[arg-type]
    return "".join(
        f'<label><input type="checkbox" value="{state}" checked> {state} ({count:,})</label>'
        for state, count in counts.items()
    )


def head(comparison: Comparison) -> str:
    cells = [_heading("#", "n", "ascending", sort="ascending")]
    modes = {objective.metric: objective.mode for objective in comparison.objectives}
    for column in columns(comparison):
        first = "descending" if modes.get(column.name) == "max" else "ascending"
        cells.append(_heading(column.name, "n" if column.kind == "number" else "", first))
    if _has_reasons(comparison):
        cells.append(_heading("reason", "", "ascending"))
    return "".join([*cells, '<th scope="col" class="plain">command</th>'])


def rows(comparison: Comparison) -> str:
    shown, has_reasons = columns(comparison), _has_reasons(comparison)
    shares = _shares(comparison)
    return "\n".join(
        _row(place, trial, shown, comparison, shares.get(trial.name), has_reasons)
        for place, trial in enumerate(comparison.trials)
    )


def command_cell(command: str) -> str:
    """A command that a button copies."""
    if not command:
        return ""
    button = '<button type="button" class="copy" aria-label="Copy the command">Copy</button>'
    return f"{button}<code>{html.escape(command)}</code>"


def _row(
    place: int, trial: Trial, shown: list[Column], comparison: Comparison, share: float | None, has_reasons: bool
) -> str:
    rank = place + 1 if trial.is_complete else ""
    cells = [f'<td class="n rank" data-v="{rank}">{rank}</td>']
    cells += [_cell(column, trial, comparison.objective.metric, share) for column in shown]
    if has_reasons:
        cells.append(f'<td class="long">{html.escape(trial.reason or "")}</td>')
    cells.append(f'<td class="command">{command_cell(trial.command)}</td>')
    return f'<tr id="trial-{place}" data-state="{trial.state}" tabindex="-1">{"".join(cells)}</tr>'


def _cell(column: Column, trial: Trial, objective: str, share: float | None) -> str:
    value = column.value(trial)
    text = html.escape(column.show(value))
    if column.name == "state":
        return f'<td class="state">{_SIGNS[trial.state]} {text}</td>'
    if column.kind != "number":
        return f"<td>{text}</td>"
    exact = "" if value is None or (isinstance(value, float) and math.isnan(value)) else value
    bar = f' style="--share:{share:.3f}"' if column.name == objective and share is not None else ""
    return f'<td class="n{" bar" if bar else ""}" data-v="{exact}"{bar}>{text}</td>'


def _shares(comparison: Comparison) -> dict[str, float]:
    """For each finished trial, how long its bar is: from the worst (but for a few that went astray) to the best."""
    values = [trial.values[0] for trial in comparison.complete]
    ordered = sorted(comparison.objective.rank(value) for value in values if value is not None)
    if len(ordered) < 2 or ordered[0] == ordered[-1]:
        return {}
    best, worst = ordered[0], ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    span = (worst - best) or 1.0
    return {
        trial.name: min(1.0, max(0.0, (worst - comparison.objective.rank(value)) / span))
        for trial, value in zip(comparison.complete, values, strict=True)
        if value is not None
    }


def _heading(name: str, kind: str, first: str, sort: str = "none") -> str:
    """A heading that sorts by its column; `first` is the order that its first click gives."""
    button = f'<button type="button">{html.escape(name)}</button>'
    return f'<th scope="col" class="{kind}" data-first="{first}" aria-sort="{sort}">{button}</th>'


def _has_reasons(comparison: Comparison) -> bool:
    return any(trial.reason for trial in comparison.trials)
