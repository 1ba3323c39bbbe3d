"""Keeps Python's garbage collector away from what torch and Lightning leave in memory when they are imported.

That is close to a million objects, none of which is ever garbage. Left to itself, the collector goes through all that
are there again and again while they are imported, each time that a run makes enough new ones, and once more at the end.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_HEAVY = "torch"  # all that takes long to import stands on it


@contextmanager
def importing() -> Iterator[None]:
    """Around imports that bring torch along, and only the first time that they do: whoever imports it again has made
    garbage of his own since, which would be kept for ever."""
    if _HEAVY in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if _HEAVY in sys.modules:
            gc.freeze()
        gc.enable()
