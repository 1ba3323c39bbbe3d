"""What all figures share: colours by role, names that are safe to show, and points that lead back to the table.

A colour is a CSS variable of the page, which has a palette for light and one for dark; figures know roles only.
"""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from iolaus.compare.trials import Comparison, Objective, Trial

NUM_COLORS = 8
DASHES = ("solid", "dash", "dot", "dashdot")
MUTED, SOFT, ACCENT, TEXT = "var(--muted-line)", "var(--soft)", "var(--accent)", "var(--text)"

# Beyond this many points SVG is slow, and WebGL draws them.
_MAX_SVG_POINTS = 2000


def color(place: int) -> str:
    return f"var(--series-{place % NUM_COLORS + 1})"


def scale(objective: Objective) -> list[list[Any]]:
    """From the worst to the best, whichever way that is."""
    stops = ["var(--scale-worst)", "var(--scale-middle)", "var(--scale-best)"]
    upwards = stops if objective.mode == "max" else stops[::-1]
    return [[share, stop] for share, stop in zip((0.0, 0.5, 1.0), upwards, strict=True)]


def scatter(num_points: int) -> type[go.Scatter] | type[go.Scattergl]:
    return go.Scattergl if num_points > _MAX_SVG_POINTS else go.Scatter


def plain(text: str) -> str:
    """plotly reads a little HTML in every text: names are to be shown, not read."""
    return html.escape(text, quote=False)


def places(trials: Sequence[Trial], comparison: Comparison) -> np.ndarray:
    """Where each trial stands on the leaderboard: what a click on its point leads to."""
    standing = {trial.name: place for place, trial in enumerate(comparison.trials)}
    return np.array([standing[trial.name] for trial in trials], dtype=np.int32)


def labels(trials: Sequence[Trial]) -> list[str]:
    return [f"trial {trial.name}" if trial.name.isdigit() else plain(trial.name) for trial in trials]


def floats(values: Sequence[float | None]) -> np.ndarray:
    """Single precision: a figure has fewer pixels than that has digits. None becomes a gap."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float32)


def layout(height: int, **options: Any) -> dict[str, Any]:
    """Without a title: the page has it. Ticks and lines get their colours from the page's theme."""
    return {
        "height": height,
        "margin": {"l": 60, "r": 16, "t": 16, "b": 48},
        "template": None,
        "hovermode": "closest",
        "showlegend": False,
        **options,
    }


def robust_range(values: Sequence[float], mode: str) -> list[float] | None:
    """Of an axis, so that a few that went astray do not press all others flat; None if none did."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if len(finite) < 8:
        return None
    low, median, high = np.percentile(finite, [5, 50, 95])
    best, worst = (finite.max(), finite.min()) if mode == "max" else (finite.min(), finite.max())
    far = low if mode == "max" else high
    if best == far or abs(worst - median) < 4 * max(abs(far - median), abs(best - median)):
        return None
    stretch = best - far
    return sorted([float(far - 0.15 * stretch), float(best + 0.05 * stretch)])
