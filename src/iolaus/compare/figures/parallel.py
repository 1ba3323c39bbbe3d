"""Parallel coordinates: an axis per option, and the objective as the last."""

import numpy as np
import plotly.graph_objects as go

from iolaus.compare.figures.axes import axis
from iolaus.compare.figures.draw import draw
from iolaus.compare.figures.style import layout, plain, robust_range, scale
from iolaus.compare.panels import ParallelCoordinates
from iolaus.compare.trials import Comparison


@draw.register
def draw_parallel(panel: ParallelCoordinates, comparison: Comparison) -> go.Figure | str:
    trials = comparison.complete[::-1]  # the best lies on top
    if len(trials) < 2 or not panel.options:
        return "It takes at least two finished trials that differ in an option."
    place = comparison.objectives.index(panel.objective)
    values = [trial.values[place] for trial in trials]
    reached = np.array(values, dtype=np.float32)
    low, high = robust_range(reached.tolist(), panel.objective.mode) or (reached.min(), reached.max())
    reached = reached.clip(low, high)
    dimensions = []
    for option in panel.options:
        ticked = axis(option, trials).with_ends()
        dimensions.append(
            {"label": plain(option), "values": ticked.spread(0.08), "tickvals": ticked.ticks, "ticktext": ticked.texts}
        )
    dimensions.append({"label": plain(panel.objective.metric), "values": reached})
    figure = go.Figure(
        go.Parcoords(
            line={"color": reached, "colorscale": scale(panel.objective)},
            unselected={"line": {"opacity": 0.06}},
            dimensions=dimensions,
            labelfont={"size": 13},
            tickfont={"size": 11},
        )
    )
    figure.update_layout(layout(460, margin={"l": 80, "r": 80, "t": 60, "b": 24}))
    return figure
