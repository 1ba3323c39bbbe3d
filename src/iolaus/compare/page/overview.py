"""What stands above and below the figures: how it went in a few numbers, what was asked, and what failed."""

import html
from collections import defaultdict

from iolaus.compare.page.leaderboard import command_cell
from iolaus.compare.table import differing, duration, number, words
from iolaus.compare.trials import Comparison, Trial

_MAX_LINKS = 24


def kicker(comparison: Comparison) -> str:
    aims = ", ".join(
        f"{html.escape(objective.metric)}, {'higher' if objective.mode == 'max' else 'lower'} is better"
        for objective in comparison.objectives
    )
    return f"{'Sweep' if comparison.space or comparison.facts else 'Comparison'} · by {aims}"


def notice(comparison: Comparison) -> str:
    return f'<p class="notice" role="alert">{html.escape(comparison.warning)}</p>' if comparison.warning else ""


def tiles(comparison: Comparison) -> str:
    """The best trial, how many there are of each state, and what they cost."""
    found = [_best(comparison)]
    for state in ("finished", "running", "waiting", "pruned", "interrupted", "failed"):
        count = len(comparison.of_state(state))
        if count:
            found.append(_tile(state, f"{count:,}"))
    seconds = sum(trial.seconds or 0 for trial in comparison.trials)
    found.append(_tile("training time, all trials", duration(seconds)))
    return "".join(found)


def asked(comparison: Comparison) -> str:
    """What the sweep was started with."""
    entries = [*comparison.facts.items(), *comparison.space.items()]
    if not entries:
        return ""
    lines = "".join(f"<dt>{html.escape(key)}</dt><dd><code>{html.escape(value)}</code></dd>" for key, value in entries)
    return f'<details class="asked"><summary>What was asked</summary><dl>{lines}</dl></details>'


def failures(comparison: Comparison) -> str:
    """Reasons, the most frequent first, each with its trials and the command of the first; empty if nothing failed."""
    by_reason: dict[str, list[tuple[int, Trial]]] = defaultdict(list)
    for place, trial in enumerate(comparison.trials):
        if trial.state in ("failed", "interrupted"):
            by_reason[trial.reason or f"{trial.state}; no reason was recorded"].append((place, trial))
    if not by_reason:
        return ""
    ordered = sorted(by_reason.items(), key=lambda entry: -len(entry[1]))
    items = "".join(_reason(reason, trials) for reason, trials in ordered)
    return (
        '<section id="failures" aria-labelledby="failures-title"><div class="section-head">'
        '<h2 id="failures-title">Failures</h2><p class="about">Trials that did not end well, by reason.</p></div>'
        f'<ul class="reasons">{items}</ul></section>'
    )


def _best(comparison: Comparison) -> str:
    if not comparison.complete:
        return _tile("best", "–", "no trial has finished yet")
    best = comparison.complete[0]
    value = " / ".join(number(reached) for reached in best.values)
    options = ", ".join(
        f"{key}={words(best.params[key])}" for key in differing(comparison.trials) if key in best.params
    )
    name = f"trial {best.name}" if best.name.isdigit() else best.name
    return _tile(f"best {comparison.objective.metric}", value, f"{name}{': ' if options else ''}{options}", "tile best")


def _tile(name: str, value: str, more: str = "", kind: str = "tile") -> str:
    small = f"<small>{html.escape(more)}</small>" if more else ""
    return f'<div class="{kind}"><dt>{html.escape(name)}</dt><dd>{html.escape(value)}{small}</dd></div>'


def _reason(reason: str, trials: list[tuple[int, Trial]]) -> str:
    links = ", ".join(
        f'<a href="#trial-{place}" data-trial="{place}">{html.escape(trial.name)}</a>'
        for place, trial in trials[:_MAX_LINKS]
    )
    more = f" and {len(trials) - _MAX_LINKS:,} more" if len(trials) > _MAX_LINKS else ""
    who = f"{len(trials):,} trials: " if len(trials) > 1 else "trial "
    command = f"<div>{command_cell(trials[0][1].command)}</div>"
    return f'<li><p>{html.escape(reason)}</p><p class="who">{who}{links}{more}</p>{command}</li>'
