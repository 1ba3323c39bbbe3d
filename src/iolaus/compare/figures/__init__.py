"""How plotly draws each panel: `draw(panel, comparison)` returns a figure, or a sentence where there is none."""

from iolaus.compare.figures import curves, importance, pairs, parallel, slices, tradeoff  # noqa: F401 - they register
from iolaus.compare.figures.draw import draw

__all__ = ["draw"]
