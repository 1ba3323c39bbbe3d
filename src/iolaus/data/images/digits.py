"""Handwritten digits: 1797 pictures of 8×8 grey pixels, which scikit-learn brings along."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from iolaus.data.images.classified_images import ClassifiedImages
from iolaus.data.images.images import Loaded
from iolaus.data.images.pictures import Pictures
from iolaus.data.splits import held_out
from iolaus.spec import Classes, Image

_TEST_FRACTION = 0.2
_LEVELS = 16  # values are 0 … 16


class Digits(ClassifiedImages):
    """A fifth of every digit is the test split, the same ones whatever the seed: every run is measured on them.

    The pictures come in order of their writers, and writers appear in both splits. (The last fifth alone, by writers
    that training never saw, is much harder: docs/results.md has both.)
    """

    def sketch(self) -> tuple[Image, Classes]:
        return Image(1, 8, 8), Classes(tuple("0123456789"))

    def load(self) -> Loaded:
        return read_digits()


def read_digits() -> Loaded:
    """All of them, with the fifth that is for the test."""
    with gzip.open(_file(), "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    # On the scale of all other pictures, so that a user's scanned digit is read alike.
    values = torch.from_numpy((table[:, :-1] * 255 / _LEVELS).round().astype(np.uint8)).view(-1, 1, 8, 8)
    labels = table[:, -1].copy()
    pictures = Pictures.whole(values, torch.from_numpy(labels))
    train, test = held_out(labels, _TEST_FRACTION, seed=0)
    return Loaded(pictures.part(train), pictures.part(test), Classes(tuple("0123456789")))


def _file() -> Path:
    """Inside scikit-learn, which is found but not imported: that would take a second."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
