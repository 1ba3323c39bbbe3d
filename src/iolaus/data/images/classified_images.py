"""Pictures with one class each, and the ways to change them in training that leave the class as it is, or mix it."""

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.images.augmentation import crop_and_flip, cutmix_weights, cutout, mix, mixup_weights
from iolaus.data.images.images import ImageData
from iolaus.ranges import NonNegative, Whole
from iolaus.spec import Classes, Image, Target


class ClassifiedImages(ImageData):
    """Pictures with one class each.

    crop: shift each picture by up to so many pixels each way; 0 for none. He et al. 2016, arXiv:1512.03385
    flip: mirror one picture in two.
    cutout: side in pixels of a square to cover; 0 for none. DeVries & Taylor 2017, arXiv:1708.04552
    mixup: alpha of the Beta distribution of weights; 0 for none. Zhang et al. 2018, arXiv:1710.09412
    cutmix: alpha of the Beta distribution of shares; 0 for none. Yun et al. 2019, arXiv:1905.04899
        With both, each batch gets one of the two, by the toss of a coin.
    """

    gives: ClassVar[tuple[type, type]] = (Image, Classes)

    target: Classes

    def __init__(
        self,
        *,
        crop: Whole = 0,
        flip: bool = False,
        cutout: Whole = 0,
        mixup: NonNegative = 0.0,
        cutmix: NonNegative = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.crop = crop
        self.flip = flip
        self.cutout = cutout
        self.mixup = mixup
        self.cutmix = cutmix

    def accept(self, input: Image, target: Target) -> None:
        side = min(input.height, input.width)
        for name, value in {"crop": self.crop, "cutout": self.cutout}.items():
            if value >= side:
                raise ValueError(f"data.{name}={value} leaves nothing of pictures whose side is {side}: type less.")
        super().accept(input, target)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        pictures = self.altered(batch.input, generator)
        if not self.mixup and not self.cutmix:
            return replace(batch, input=pictures)
        assert batch.target is not None
        weights = self._mixing_weights(pictures, generator)
        pictures, target = mix(pictures, batch.target, weights, num_classes=len(self.target.names))
        return replace(batch, input=pictures, target=target)

    def altered(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Each by itself: shifted, mirrored, covered in part."""
        if self.crop or self.flip:
            pictures = crop_and_flip(pictures, generator, padding=self.crop, flip=self.flip)
        if self.cutout:
            mean, _ = self.constants_on(pictures.device)
            pictures = cutout(pictures, generator, side=self.cutout, fill=mean.round())
        return pictures

    def _mixing_weights(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        if not self.cutmix:
            return mixup_weights(pictures, generator, alpha=self.mixup)
        pasted = cutmix_weights(pictures, generator, alpha=self.cutmix)
        if not self.mixup:
            return pasted
        faded = mixup_weights(pictures, generator, alpha=self.mixup)
        coin = torch.rand((), generator=generator, device=pictures.device)
        return torch.where(coin < 0.5, faded, pasted)
