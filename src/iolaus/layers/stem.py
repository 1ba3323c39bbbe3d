"""Which stem a network for pictures gets: its own, which shrinks large pictures at once, or one for small pictures."""

from typing import Literal

from iolaus.spec import Image

Stem = Literal["auto", "small", "large"]

LARGE_PICTURE = 96  # pixels a side, from which on a stem that keeps one place in sixteen pays


def is_small(stem: Stem, input: Image, *, large_from: int = LARGE_PICTURE) -> bool:
    """Whether the stem is the one for small pictures; `auto` goes by their shorter side."""
    if stem == "auto":
        return min(input.height, input.width) < large_from
    return stem == "small"
