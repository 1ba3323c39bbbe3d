"""Compares runs: collects them from their folders, ranks them, and shows them on the terminal and on one page.

collect → trials → table → panels (what is shown) → figures (how plotly draws it) → page. Nothing here needs torch.
"""
