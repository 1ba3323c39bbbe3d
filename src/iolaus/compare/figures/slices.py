"""Slices: what was reached against each option, side by side on one scale."""

import math

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from iolaus.compare.figures.axes import axis
from iolaus.compare.figures.draw import draw
from iolaus.compare.figures.style import ACCENT, floats, labels, layout, places, plain, robust_range, scatter
from iolaus.compare.panels import Slices
from iolaus.compare.trials import Comparison

_PER_ROW = 4


@draw.register
def draw_slices(panel: Slices, comparison: Comparison) -> go.Figure | str:
    trials = comparison.complete
    if len(trials) < 2 or not panel.options:
        return "It takes at least two finished trials that differ in an option."
    num_columns = min(_PER_ROW, len(panel.options))
    num_rows = math.ceil(len(panel.options) / num_columns)
    figure = make_subplots(
        num_rows, num_columns, shared_yaxes=True, horizontal_spacing=0.025, vertical_spacing=0.32 / num_rows
    )
    place = comparison.objectives.index(panel.objective)
    values = [trial.values[place] for trial in trials]
    trace = scatter(len(trials) * len(panel.options))
    for number, option in enumerate(panel.options):
        row, column = number // num_columns + 1, number % num_columns + 1
        ticked = axis(option, trials)
        points = trace(
            x=ticked.spread(),
            y=floats(values),
            mode="markers",
            marker={
                "color": ACCENT,
                "size": 7 if len(trials) < 300 else 4,
                "opacity": 0.75 if len(trials) < 300 else 0.4,
            },
            customdata=places(trials, comparison),
            text=labels(trials),
            hovertemplate="%{text}: %{y:.4g}<extra></extra>",
        )
        figure.add_trace(points, row, column)
        figure.update_xaxes(title={"text": plain(option), "standoff": 8}, **ticked.layout(), row=row, col=column)
        figure.update_yaxes(title_text=panel.objective.metric if column == 1 else None, row=row, col=column)
    figure.update_layout(layout(90 + 260 * num_rows))
    figure.update_yaxes(range=robust_range([v for v in values if v is not None], panel.objective.mode))
    return figure
