"""Learning curves: the best in colour, everything else as one grey trace behind them."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from iolaus.compare.curves import thinned
from iolaus.compare.figures.draw import draw
from iolaus.compare.figures.style import (
    DASHES,
    MUTED,
    NUM_COLORS,
    color,
    floats,
    labels,
    layout,
    places,
    plain,
    robust_range,
    scatter,
)
from iolaus.compare.panels import LearningCurves
from iolaus.compare.table import differing
from iolaus.compare.trials import Comparison, Trial

# Together the grey curves have at most about so many points, and each at least a few.
_MAX_BACKGROUND_POINTS, _MIN_CURVE_POINTS = 40_000, 12
_MAX_LEGEND = 26


@draw.register
def draw_curves(panel: LearningCurves, comparison: Comparison) -> go.Figure | str:
    trials = [trial for trial in comparison.trials if panel.metric in trial.curves]
    if not trials:
        return "No run has come to the end of an epoch."
    best, others = trials[:NUM_COLORS], trials[NUM_COLORS:]
    figure = go.Figure()
    if others:
        figure.add_trace(_background(panel.metric, others, comparison))
    for place, trial in reversed(list(enumerate(best))):  # the best is drawn last, over all others
        figure.add_trace(_foreground(panel.metric, trial, place, comparison))
    values = [value for trial in trials for value in trial.curves[panel.metric][1]]
    figure.update_layout(layout(440, showlegend=True, legend={"traceorder": "reversed"}))
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    figure.update_yaxes(title_text=panel.metric, range=robust_range(values, panel.mode))
    return figure


def _foreground(metric: str, trial: Trial, place: int, comparison: Comparison) -> go.Scatter:
    epochs, values = thinned(trial.curves[metric])
    (name,) = labels([trial])
    chosen = _choices(trial, comparison)
    return go.Scatter(
        x=epochs,
        y=floats(values),
        mode="lines+markers" if len(epochs) <= 30 else "lines",
        name=f"{name}: {plain(chosen)}" if chosen else name,
        line={"color": color(place), "width": 2.5, "dash": DASHES[place // 4]},
        marker={"size": 5},
        customdata=np.full(len(epochs), places([trial], comparison)[0]),
        hovertemplate=f"{name}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
    )


def _choices(trial: Trial, comparison: Comparison) -> str:
    """By what a reader knows it in a legend: the words among its options, as far as there is room."""
    options = [option for option in differing(comparison.trials) if isinstance(trial.params.get(option), str)]
    text = ", ".join(trial.params[option] for option in options)
    return text if len(text) <= _MAX_LEGEND else f"{text[: _MAX_LEGEND - 1]}…"


def _background(metric: str, trials: Sequence[Trial], comparison: Comparison) -> go.Scatter | go.Scattergl:
    """All curves as one trace: a gap between one and the next. Thousands of traces would take seconds each time."""
    max_points = max(_MIN_CURVE_POINTS, _MAX_BACKGROUND_POINTS // len(trials))
    epochs: list[float | None] = []
    values: list[float | None] = []
    owners: list[int] = []
    for trial, place in zip(trials, places(trials, comparison), strict=True):
        xs, ys = thinned(trial.curves[metric], max_points)
        epochs += [*xs, None]
        values += [*ys, None]
        owners += [int(place)] * (len(xs) + 1)
    names = dict(zip(places(trials, comparison).tolist(), labels(trials), strict=True))
    return scatter(len(epochs))(
        x=floats(epochs),
        y=floats(values),
        mode="lines",
        name=f"{len(trials)} others",
        line={"color": MUTED, "width": 1},
        opacity=max(0.12, min(1.0, 150 / len(trials))),  # many together are not to be a solid block
        customdata=np.array(owners, dtype=np.int32),
        text=[names[owner] for owner in owners],
        hovertemplate="%{text}<br>epoch %{x}: %{y:.4g}<extra></extra>",
    )
