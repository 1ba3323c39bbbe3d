"""Quality against its price: every trial a point, and a line along those that no other beats."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from iolaus.compare.figures.draw import draw
from iolaus.compare.figures.style import ACCENT, SOFT, TEXT, floats, labels, layout, places, robust_range, scatter
from iolaus.compare.panels import Tradeoff
from iolaus.compare.ranking import pareto_front
from iolaus.compare.trials import Comparison, Objective, Trial

_LOG_RATIO = 20


@draw.register
def draw_tradeoff(panel: Tradeoff, comparison: Comparison) -> go.Figure | str:
    shown = [trial for trial in comparison.trials if None not in _point(trial, panel, comparison)]
    complete = [trial for trial in shown if trial.state == "finished"]
    if not complete:
        return "No finished trial has both values."
    figure = go.Figure()
    others = [trial for trial in shown if trial.state != "finished"]
    if others:
        figure.add_trace(_points(others, panel, comparison, name="not finished", color=SOFT, symbol="circle-open"))
    figure.add_trace(_points(complete, panel, comparison, name="finished", color=ACCENT, symbol="circle"))
    figure.add_trace(_front(complete, panel, comparison))
    costs, values = zip(*(_point(trial, panel, comparison) for trial in shown), strict=True)
    is_log = panel.against == "seconds" and max(costs) > _LOG_RATIO * max(min(costs), 1e-9)
    figure.update_layout(
        layout(420, showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    )
    figure.update_xaxes(
        title_text="seconds of training" if panel.against == "seconds" else panel.against,
        type="log" if is_log else "linear",
        dtick="D2" if is_log else None,  # 1, 2, 5, 10, …
        tickformat="~g" if is_log else None,  # or plotly writes 20 as a small 2
    )
    figure.update_yaxes(title_text=panel.objective.metric, range=robust_range(values, panel.objective.mode))
    return figure


def _points(
    trials: Sequence[Trial], panel: Tradeoff, comparison: Comparison, *, name: str, color: str, symbol: str
) -> go.Scatter | go.Scattergl:
    costs, values = zip(*(_point(trial, panel, comparison) for trial in trials), strict=True)
    return scatter(len(trials))(
        x=floats(costs),
        y=floats(values),
        mode="markers",
        name=name,
        marker={"color": color, "symbol": symbol, "size": 8 if len(trials) < 300 else 5, "opacity": 0.8},
        customdata=places(trials, comparison),
        text=labels(trials),
        hovertemplate="%{text}<br>%{x:.4g}<br>%{y:.4g}<extra></extra>",
    )


def _front(trials: Sequence[Trial], panel: Tradeoff, comparison: Comparison) -> go.Scatter:
    other = _other(panel, comparison)
    points = [_point(trial, panel, comparison) for trial in trials]
    costs = [(other.rank(cost), panel.objective.rank(value)) for cost, value in points]  # type: ignore[arg-type]
    front = pareto_front(costs)
    return go.Scatter(
        x=floats([points[place][0] for place in front]),
        y=floats([points[place][1] for place in front]),
        mode="lines+markers",
        name="Pareto front",
        line={"color": TEXT, "width": 1.5, "shape": "hv"},
        marker={"color": TEXT, "size": 5},
        customdata=places([trials[place] for place in front], comparison),
        text=labels([trials[place] for place in front]),
        hovertemplate="%{text}<br>%{x:.4g}<br>%{y:.4g}<extra></extra>",
    )


def _point(trial: Trial, panel: Tradeoff, comparison: Comparison) -> tuple[float | None, float | None]:
    value = _finite(trial.values[comparison.objectives.index(panel.objective)])
    if panel.against == "seconds":
        return trial.seconds, value
    return _finite(trial.values[comparison.objectives.index(_other(panel, comparison))]), value


def _other(panel: Tradeoff, comparison: Comparison) -> Objective:
    """What is paid: another objective, or seconds, of which fewer are better."""
    named = {objective.metric: objective for objective in comparison.objectives}
    return named.get(panel.against, Objective("seconds", "min"))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
