"""Puts the page together: every name that comes from a run is escaped on its way in."""

import html
import itertools
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import plotly.graph_objects as go

from iolaus.compare.figures import draw
from iolaus.compare.importance import importances
from iolaus.compare.page.leaderboard import head, rows, state_boxes
from iolaus.compare.page.overview import asked, failures, kicker, notice, tiles
from iolaus.compare.panels import Importance, Panel, Tradeoff, panels
from iolaus.compare.trials import Comparison

_HERE = Path(__file__).parent
_HALF_WIDTH = (Tradeoff, Importance)


def report(comparison: Comparison) -> str:
    """The whole page as HTML."""
    shares = {objective.metric: importances(comparison, objective) for objective in comparison.objectives}
    kinds = _by_kind(panels(comparison, shares))
    drawn = [[draw(view, comparison) for view in views] for views in kinds]
    failed = failures(comparison)
    titles = ["Leaderboard", *(views[0].title for views in kinds), *(["Failures"] if failed else [])]
    return _filled(
        (_HERE / "page.html").read_text(),
        title=html.escape(comparison.title),
        style=(_HERE / "page.css").read_text(),
        kicker=kicker(comparison),
        warning=notice(comparison),
        tiles=tiles(comparison),
        asked=asked(comparison),
        links="".join(f'<li><a href="#{_anchor(title)}">{title}</a></li>' for title in titles),
        table_about=_TABLE_ABOUT,
        states=state_boxes(comparison),
        head=head(comparison),
        rows=rows(comparison),
        panels="".join(map(_section, itertools.count(), kinds, drawn)),
        failures=failed,
        figures="".join(map(_data, itertools.count(), drawn)),
        plotly=_plotly(),
        script=(_HERE / "page.js").read_text(),
    )


_TABLE_ABOUT = "Ranked by validation; test values decide nothing. Options that are the same everywhere are left out."


def _by_kind(found: Iterable[Panel]) -> list[list[Panel]]:
    """The views of each kind of panel together, in the order in which the kinds first come."""
    kinds: dict[type, list[Panel]] = {}
    for panel in found:
        kinds.setdefault(type(panel), []).append(panel)
    return list(kinds.values())


def _section(number: int, views: list[Panel], drawn: list[go.Figure | str]) -> str:
    anchor, first = _anchor(views[0].title), views[0]
    width = ' class="half"' if isinstance(first, _HALF_WIDTH) else ""
    options = "".join(f'<option value="{place}">{html.escape(view.label)}</option>' for place, view in enumerate(views))
    choice = f'<label class="view">of <select>{options}</select></label>' if len(views) > 1 else ""
    about = f'<p class="about">{first.about}</p>'
    height = max(0 if isinstance(figure, str) else figure.layout.height for figure in drawn)
    return (
        f'<section id="{anchor}"{width} data-panel="{number}" aria-labelledby="{anchor}-title">'
        f'<div class="section-head"><h2 id="{anchor}-title">{first.title}</h2>{choice}{about}</div>'
        f'<div class="figure" style="min-height:{height}px"></div></section>'
    )


def _data(number: int, drawn: list[go.Figure | str]) -> str:
    texts = [json.dumps(figure) if isinstance(figure, str) else figure.to_json() for figure in drawn]
    return "".join(
        f'<script type="application/json" id="figure-{number}-{place}">{_inside_script(text)}</script>\n'
        for place, text in enumerate(texts)
    )


def _inside_script(text: str) -> str:
    """JSON whose strings cannot end the element that it stands in."""
    return text.replace("<", "\\u003c")


def _filled(template: str, **parts: str) -> str:
    """In one pass: what a part holds is never taken for a placeholder."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match.group(1)], template)


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()
