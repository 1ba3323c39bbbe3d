"""Pairs: two options at a time, each trial a point coloured by what it reached."""

import itertools
import math

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from iolaus.compare.figures.axes import axis
from iolaus.compare.figures.draw import draw
from iolaus.compare.figures.style import floats, labels, layout, places, plain, robust_range, scale, scatter
from iolaus.compare.panels import Pairs
from iolaus.compare.trials import Comparison

_PER_ROW = 3


@draw.register
def draw_pairs(panel: Pairs, comparison: Comparison) -> go.Figure | str:
    trials = comparison.complete[::-1]  # the best lies on top
    pairs = list(itertools.combinations(panel.options, 2))
    if len(trials) < 2 or not pairs:
        return "It takes at least two finished trials that differ in two options."
    num_columns = min(_PER_ROW, len(pairs))
    num_rows = math.ceil(len(pairs) / num_columns)
    figure = make_subplots(num_rows, num_columns, horizontal_spacing=0.09, vertical_spacing=0.36 / num_rows)
    place = comparison.objectives.index(panel.objective)
    values = floats([trial.values[place] for trial in trials])
    low, high = robust_range(values.tolist(), panel.objective.mode) or (float(values.min()), float(values.max()))
    trace = scatter(len(trials) * len(pairs))
    axes = {option: axis(option, trials) for option in panel.options}
    for number, (across, up) in enumerate(pairs):
        row, column = number // num_columns + 1, number % num_columns + 1
        points = trace(
            x=axes[across].spread(),
            y=_shuffled(axes[up].spread(), axes[up].positions),
            mode="markers",
            marker={"color": values, "coloraxis": "coloraxis", "size": 9 if len(trials) < 300 else 5},
            customdata=places(trials, comparison),
            text=labels(trials),
            hovertemplate="%{text}: %{marker.color:.4g}<extra></extra>",
        )
        figure.add_trace(points, row, column)
        figure.update_xaxes(title={"text": plain(across), "standoff": 8}, **axes[across].layout(), row=row, col=column)
        figure.update_yaxes(
            title={"text": plain(up), "standoff": 8}, automargin=True, **axes[up].layout(), row=row, col=column
        )
    bar = {"title": {"text": plain(panel.objective.metric)}, "thickness": 12, "outlinewidth": 0}
    figure.update_layout(
        layout(60 + 300 * num_rows),
        coloraxis={"colorscale": scale(panel.objective), "cmin": low, "cmax": high, "colorbar": bar},
    )
    return figure


def _shuffled(spread: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Apart upwards in another order than sideways, or points of two choices would lie on a diagonal."""
    order = np.random.default_rng(0).permutation(len(spread))
    return (positions + (spread - positions)[order]).astype(np.float32)
