"""Handwritten digits: 1797 pictures of 8×8 grey pixels, which scikit-learn brings along."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from iolaus.data.images import ImageData, Loaded
from iolaus.data.pictures import Pictures
from iolaus.spec import Classes, Image

_NUM_TEST = 360  # a fifth
_LEVELS = 16  # values are 0 … 16


class Digits(ImageData):
    """The digits' last 360 pictures are the test split, whatever the seed: every run is measured on the same ones."""

    def sketch(self) -> tuple[Image, Classes]:
        return Image(1, 8, 8), Classes(tuple("0123456789"))

    def load(self) -> Loaded:
        with gzip.open(_file(), "rt") as lines:
            table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
        # On the scale of all other pictures, so that a user's scanned digit is read alike.
        values = torch.from_numpy((table[:, :-1] * 255 / _LEVELS).round().astype(np.uint8)).view(-1, 1, 8, 8)
        pictures = Pictures.whole(values, torch.from_numpy(table[:, -1].copy()))
        return Loaded(
            train=pictures.part(torch.arange(len(table) - _NUM_TEST)),
            test=pictures.part(torch.arange(len(table) - _NUM_TEST, len(table))),
            names=tuple("0123456789"),
        )


def _file() -> Path:
    """Inside scikit-learn, which is found but not imported: that would take a second."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
