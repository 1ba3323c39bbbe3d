"""`draw` chooses by the panel's type; each kind of panel registers how it is drawn in a file of its own."""

from functools import singledispatch
from typing import Any

import plotly.graph_objects as go

from iolaus.compare.trials import Comparison


@singledispatch
def draw(panel: Any, comparison: Comparison) -> go.Figure | str:  # noqa: ARG001 - those that register read it
    """The panel as a figure, or a sentence that says why there is none."""
    raise AssertionError(f"nothing draws {type(panel).__name__}")
