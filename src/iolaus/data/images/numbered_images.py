"""Pictures with one number each."""

from dataclasses import replace
from typing import Any, ClassVar

import torch

from iolaus.batch import Batch
from iolaus.data.images.augmentation import crop_and_flip
from iolaus.data.images.images import ImageData
from iolaus.data.numbered import Numbered
from iolaus.ranges import Whole
from iolaus.spec import Image, Number


class NumberedImages(Numbered, ImageData):
    """A source loads pictures whose labels are numbers (N,), in float64.

    crop: shift each picture by up to so many pixels each way; 0 for none. flip: mirror one picture in two.
    """

    gives: ClassVar[tuple[type, type]] = (Image, Number)

    def __init__(self, *, crop: Whole = 0, flip: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.crop = crop
        self.flip = flip

    def read(self) -> None:
        super().read()
        for name in ("train", "val", "test"):
            part = getattr(self, name)
            assert part.labels is not None
            setattr(self, name, replace(part, labels=self.scaled(part.labels, self.train.rows)))

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        if not self.crop and not self.flip:
            return batch
        return replace(batch, input=crop_and_flip(batch.input, generator, padding=self.crop, flip=self.flip))
