"""report.html: one file that holds the table, the figures and plotly itself, and asks the network for nothing."""

from iolaus.compare.page.page import report

__all__ = ["report"]
