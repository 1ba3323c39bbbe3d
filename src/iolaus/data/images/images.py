"""Pictures as data: what all sources of them share, whatever is asked about them."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.images.decoding import decode_all, picture_files
from iolaus.data.images.pictures import Pictures
from iolaus.data.module import DataModule, HeldOut
from iolaus.data.splits import Share, held_out
from iolaus.spec import Classes, Image, Target


@dataclass(frozen=True)
class Loaded:
    """What a source has read. Without a part for validation, one is drawn from the training pictures."""

    train: Pictures
    test: Pictures
    target: Target
    val: Pictures | None = None


class ImageData(DataModule):
    """Pictures of one size. A source says how they are loaded.

    val_fraction: how much of the training pictures is held out for validation, of every class alike.
    channels_last: the memory layout that convolutions are fastest in; "auto" for pictures of several channels.
    """

    gives: ClassVar[tuple[type, type]]

    input: Image
    train: Pictures
    val: Pictures
    test: Pictures

    def __init__(
        self, *, val_fraction: Share = 0.1, channels_last: bool | Literal["auto"] = "auto", **options: Any
    ) -> None:
        super().__init__(**options)
        self.val_fraction = val_fraction
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
        self.accept(Image(channels, height, width), loaded.target)
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

    def normalize(self, batch: Batch) -> Batch:
        mean, std = self.constants_on(batch.input.device)
        pictures = (batch.input - mean).div_(std)
        several = batch.input.shape[1] > 1
        if several if self.channels_last == "auto" else self.channels_last:
            pictures = pictures.contiguous(memory_format=torch.channels_last)
        return replace(batch, input=pictures)

    def samples(self, part: HeldOut) -> str:
        return getattr(self, part).digest()

    def fitted(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std}

    def restore(self, fitted: dict[str, Any]) -> None:
        self.mean, self.std = fitted["mean"], fitted["std"]
        self._constants.clear()

    def inherit(self, fitted: dict[str, Any]) -> None:
        """Weights learned elsewhere know pictures on the scale that they were trained with."""
        if "std" in fitted:
            self.restore(fitted)

    def accept(self, input: Image, target: Target) -> None:
        """Takes over what was read.

        Raises:
            ValueError: if it is not what a restored model was made for.
        """
        known = getattr(self, "input", input), getattr(self, "target", target)
        if known != (input, target):
            raise ValueError(
                f"The data give {input} and {target}, but the run was made for {known[0]} and {known[1]}: "
                f"name data of the same size and with the same classes."
            )
        self.input, self.target = input, target

    def _train_and_val(self, loaded: Loaded) -> tuple[Pictures, Pictures]:
        if loaded.val is not None:
            return loaded.train, loaded.val
        labels = loaded.train.targets if isinstance(loaded.target, Classes) else torch.zeros(len(loaded.train))
        train, val = (loaded.train.part(rows) for rows in held_out(labels, self.val_fraction, self.seed))
        if not len(train):
            raise ValueError(f"data.val_fraction={self.val_fraction} leaves no pictures to train on: type less.")
        return train, val

    def constants_on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean and deviation, (C, 1, 1) each: copied to a device once, because a copy would wait for it."""
        if device not in self._constants:
            mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (self.mean, self.std))
            self._constants[device] = mean, std
        return self._constants[device]
