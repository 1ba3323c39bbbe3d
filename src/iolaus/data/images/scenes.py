"""Pictures composed of real digits, and which digit each pixel belongs to."""

from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from iolaus.data.images.digits import read_digits
from iolaus.data.images.images import ImageData, Loaded
from iolaus.data.images.pictures import Pictures
from iolaus.ranges import Count
from iolaus.spec import Image, Mask

_NUM_TRAIN, _NUM_TEST = 3000, 500
_SIDE = 32
_SIZES = 8, 12, 16  # of a digit's picture
_INK = 80  # pixels of a digit that are darker than this belong to it, of 255
_NUM_FRAGMENTS, _FRAGMENT = 6, 4  # clutter: squares cut out of digits
_NAMES = "background", *"0123456789"


class Scenes(ImageData):
    """Two to four digits of random sizes at random places, later ones over earlier ones, on an uneven ground with
    fragments of other digits.

    The digits of the test scenes are those of the test split of `data=digits`: training has seen none of them.
    """

    gives: ClassVar[tuple[type, type]] = (Image, Mask)

    def __init__(self, *, batch_size: Count = 32, **options: Any) -> None:
        super().__init__(batch_size=batch_size, **options)

    def sketch(self) -> tuple[Image, Mask]:
        return Image(1, _SIDE, _SIDE), Mask(_NAMES)

    def load(self) -> Loaded:
        digits = read_digits()
        rng = np.random.default_rng(0)
        parts = [_Painter(digits.train, rng).scenes(_NUM_TRAIN), _Painter(digits.test, rng).scenes(_NUM_TEST)]
        values, masks = (torch.from_numpy(np.concatenate(arrays)) for arrays in zip(*parts, strict=True))
        whole = Pictures.whole(values.unsqueeze(1), masks)
        train, test = whole.rows.split([_NUM_TRAIN, _NUM_TEST])
        return Loaded(whole.part(train), whole.part(test), Mask(_NAMES))


class _Painter:
    def __init__(self, digits: Pictures, rng: np.random.Generator) -> None:
        self.rng = rng
        whole = digits.batch(torch.arange(len(digits)))
        self.digits = {size: _resized(whole.input, size) for size in _SIZES}
        self.labels = digits.targets.numpy()

    def scenes(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Pictures and masks, (number, side, side) each."""
        pictures, masks = zip(*(self._scene() for _ in range(number)), strict=True)
        return np.stack(pictures), np.stack(masks)

    def _scene(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        picture, mask = self._ground(), np.zeros((_SIDE, _SIDE), dtype=np.int64)
        for _ in range(self.rng.integers(2, 5)):
            size, number = int(self.rng.choice(_SIZES)), self.rng.integers(len(self.labels))
            place = self._place(size)
            ink = self.digits[size][number]
            picture[place] = np.maximum(picture[place], ink)
            mask[place] = np.where(ink > _INK, self.labels[number] + 1, mask[place])
        return picture, mask

    def _ground(self) -> NDArray[np.uint8]:
        """Light that changes slowly, noise, and fragments of digits, which belong to none."""
        slow = np.kron(self.rng.integers(0, 50, (4, 4)), np.ones((_SIDE // 4, _SIDE // 4), dtype=np.int64))
        ground = (slow + self.rng.integers(0, 30, (_SIDE, _SIDE))).astype(np.uint8)
        for _ in range(_NUM_FRAGMENTS):
            size, number = int(self.rng.choice(_SIZES)), self.rng.integers(len(self.labels))
            top, left = self.rng.integers(size - _FRAGMENT + 1, size=2)
            fragment = self.digits[size][number, top : top + _FRAGMENT, left : left + _FRAGMENT]
            place = self._place(_FRAGMENT)
            ground[place] = np.maximum(ground[place], fragment)
        return ground

    def _place(self, size: int) -> tuple[slice, slice]:
        top, left = self.rng.integers(_SIDE - size + 1, size=2)
        return slice(top, top + size), slice(left, left + size)


def _resized(pictures: torch.Tensor, size: int) -> NDArray[np.uint8]:
    """(N, 1, H, W) → (N, size, size)"""
    large = F.interpolate(pictures.float(), size=(size, size), mode="bilinear", align_corners=False)
    return large.round().squeeze(1).to(torch.uint8).numpy()
