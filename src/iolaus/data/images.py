"""Pictures as data: what all sources of them share, from augmentation and normalization to reading users' files."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.augmentation import crop_and_flip, cutmix_weights, cutout, mix, mixup_weights
from iolaus.data.decoding import decode_all, picture_files
from iolaus.data.module import DataModule
from iolaus.data.pictures import Pictures
from iolaus.data.splits import Share, held_out
from iolaus.ranges import NonNegative, Whole
from iolaus.spec import Classes, Image


@dataclass(frozen=True)
class Loaded:
    """What a source has read. Without a part for validation, one is drawn from the training pictures."""

    train: Pictures
    test: Pictures
    names: tuple[str, ...]
    val: Pictures | None = None


class ImageData(DataModule):
    """Pictures with one class each. A source says how they are loaded.

    val_fraction: how much of the training pictures is held out for validation, of every class alike.
    crop: shift each picture by up to so many pixels each way; 0 for none. He et al. 2016, arXiv:1512.03385
    flip: mirror one picture in two.
    cutout: side in pixels of a square to cover; 0 for none. DeVries & Taylor 2017, arXiv:1708.04552
    mixup: alpha of the Beta distribution of weights; 0 for none. Zhang et al. 2018, arXiv:1710.09412
    cutmix: alpha of the Beta distribution of shares; 0 for none. Yun et al. 2019, arXiv:1905.04899
        With both, each batch gets one of the two, by the toss of a coin.
    channels_last: the memory layout that convolutions are fastest in; "auto" for pictures of several channels.
    """

    gives: ClassVar[tuple[type, type]] = (Image, Classes)

    input: Image
    target: Classes
    train: Pictures
    val: Pictures
    test: Pictures

    def __init__(
        self,
        *,
        val_fraction: Share = 0.1,
        crop: Whole = 0,
        flip: bool = False,
        cutout: Whole = 0,
        mixup: NonNegative = 0.0,
        cutmix: NonNegative = 0.0,
        channels_last: bool | Literal["auto"] = "auto",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.val_fraction = val_fraction
        self.crop = crop
        self.flip = flip
        self.cutout = cutout
        self.mixup = mixup
        self.cutmix = cutmix
        self.channels_last = channels_last
        self.mean: list[float] | None = None
        self.std: list[float] | None = None
        self._constants: dict[torch.device, tuple[Tensor, Tensor]] = {}

    @abstractmethod
    def load(self) -> Loaded:
        """Reads the source: training and test pictures, all of one size."""

    def read(self) -> None:
        loaded = self.load()
        channels, height, width = loaded.train.values.shape[1:]
        self._accept(Image(channels, height, width), Classes(loaded.names))
        self.train, self.val, self.test = *self._train_and_val(loaded), loaded.test
        if self.mean is None or len(self.mean) != channels:
            self.mean, self.std = self.train.mean_and_std()

    def examples(self, path: Path) -> tuple[Pictures, list[str]]:
        files = [path] if path.is_file() else picture_files(path)
        if not files:
            raise ValueError(f"{path} is no picture and no folder with pictures: name one.")
        names = [path.name] if path.is_file() else [str(file.relative_to(path)) for file in files]
        size = {"channels": self.input.channels, "height": self.input.height, "width": self.input.width}
        values = torch.from_numpy(np.stack(list(decode_all(files, **size))))
        return Pictures.whole(values, None), names

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        pictures = batch.input
        if self.crop or self.flip:
            pictures = crop_and_flip(pictures, generator, padding=self.crop, flip=self.flip)
        if self.cutout:
            mean, _ = self._constants_on(pictures.device)
            pictures = cutout(pictures, generator, side=self.cutout, fill=mean.round())
        if not self.mixup and not self.cutmix:
            return replace(batch, input=pictures)
        assert batch.target is not None
        weights = self._mixing_weights(pictures, generator)
        pictures, target = mix(pictures, batch.target, weights, num_classes=len(self.target.names))
        return replace(batch, input=pictures, target=target)

    def normalize(self, batch: Batch) -> Batch:
        mean, std = self._constants_on(batch.input.device)
        pictures = (batch.input - mean).div_(std)
        several = batch.input.shape[1] > 1
        if several if self.channels_last == "auto" else self.channels_last:
            pictures = pictures.contiguous(memory_format=torch.channels_last)
        return replace(batch, input=pictures)

    def fitted(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std}

    def restore(self, fitted: dict[str, Any]) -> None:
        self.mean, self.std = fitted["mean"], fitted["std"]
        self._constants.clear()

    def inherit(self, fitted: dict[str, Any]) -> None:
        """Weights learned elsewhere know pictures on the scale that they were trained with."""
        if "std" in fitted:
            self.restore(fitted)

    def _accept(self, input: Image, target: Classes) -> None:
        """Takes over what was read, if it is what a restored model was made for and the options make sense for it."""
        known = getattr(self, "input", input), getattr(self, "target", target)
        if known != (input, target):
            raise ValueError(
                f"The data give {input} and {target}, but the run was made for {known[0]} and {known[1]}: "
                f"name data of the same size and with the same classes."
            )
        side = min(input.height, input.width)
        for name, value in {"crop": self.crop, "cutout": self.cutout}.items():
            if value >= side:
                raise ValueError(f"data.{name}={value} leaves nothing of pictures whose side is {side}: type less.")
        self.input, self.target = input, target

    def _train_and_val(self, loaded: Loaded) -> tuple[Pictures, Pictures]:
        if loaded.val is not None:
            return loaded.train, loaded.val
        train, val = (loaded.train.part(rows) for rows in held_out(loaded.train.classes, self.val_fraction, self.seed))
        if not len(train):
            raise ValueError(f"data.val_fraction={self.val_fraction} leaves no pictures to train on: type less.")
        return train, val

    def _mixing_weights(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        if not self.cutmix:
            return mixup_weights(pictures, generator, alpha=self.mixup)
        pasted = cutmix_weights(pictures, generator, alpha=self.cutmix)
        if not self.mixup:
            return pasted
        faded = mixup_weights(pictures, generator, alpha=self.mixup)
        coin = torch.rand((), generator=generator, device=pictures.device)
        return torch.where(coin < 0.5, faded, pasted)

    def _constants_on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean and deviation, (C, 1, 1) each: copied to a device once, because a copy would wait for it."""
        if device not in self._constants:
            mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (self.mean, self.std))
            self._constants[device] = mean, std
        return self._constants[device]
