"""Two handwritten digits side by side, and their sum: built-in pictures with a number each."""

import numpy as np
import torch
from torch import Tensor

from iolaus.data.images.digits import read_digits
from iolaus.data.images.images import Loaded
from iolaus.data.images.numbered_images import NumberedImages
from iolaus.data.images.pictures import Pictures
from iolaus.spec import Image, Number

_NUM_TRAIN, _NUM_TEST = 8000, 1000


class Sums(NumberedImages):
    """Real digits, paired by chance, the same pairs in every run.

    The digits of the test pairs are those of the test split of `data=digits`: training has seen none of them.
    """

    def sketch(self) -> tuple[Image, Number]:
        return Image(1, 8, 16), Number("sum")

    def load(self) -> Loaded:
        digits = read_digits()
        rng = np.random.default_rng(0)
        parts = [_pairs(digits.train, _NUM_TRAIN, rng), _pairs(digits.test, _NUM_TEST, rng)]
        values, sums = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        whole = Pictures.whole(values, sums)
        train, test = whole.rows.split([_NUM_TRAIN, _NUM_TEST])
        return Loaded(whole.part(train), whole.part(test), Number("sum"))


def _pairs(digits: Pictures, number: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (number, 1, 8, 16) and the sums (number,) of what they show."""
    chosen = torch.from_numpy(rng.integers(len(digits), size=(2, number)))
    left, right = (digits.batch(index) for index in chosen)
    assert left.target is not None
    assert right.target is not None
    return torch.cat([left.input, right.input], dim=3), (left.target + right.target).double()
