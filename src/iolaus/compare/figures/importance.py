"""Importance: a bar per option."""

import plotly.graph_objects as go

from iolaus.compare.figures.draw import draw
from iolaus.compare.figures.style import ACCENT, layout, plain
from iolaus.compare.panels import Importance
from iolaus.compare.trials import Comparison

_MAX_BARS = 12


@draw.register
def draw_importance(panel: Importance, _: Comparison) -> go.Figure | str:
    if not panel.shares:
        return "It takes at least eight finished trials that differ in an option and in what they reached."
    shares = panel.shares[:_MAX_BARS][::-1]  # plotly counts from below
    figure = go.Figure(
        go.Bar(
            x=[share for _, share in shares],
            y=[plain(option) for option, _ in shares],
            orientation="h",
            marker={"color": ACCENT},
            text=[f"{share:.0%}" if share >= 0.01 else "< 1%" for _, share in shares],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_layout(layout(420, bargap=0.4))
    figure.update_xaxes(
        range=[0, 1.12 * max(share for _, share in shares)], tickformat=".0%", title_text="share of the variance"
    )
    figure.update_yaxes(type="category", automargin=True)
    return figure
