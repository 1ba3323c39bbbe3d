"""Data of the real ones' shape for machines that have none: noise takes as long to hand out as pictures do."""

import os
from typing import Any

import numpy as np
import torch

from iolaus.data.images.classified_images import ClassifiedImages
from iolaus.data.images.images import Loaded
from iolaus.data.images.pictures import Pictures
from iolaus.data.series.series import SeriesData
from iolaus.data.series.table import Table
from iolaus.spec import Classes, Image

_NAMES = tuple("0123456789")


class NoisePictures(ClassifiedImages):
    """As many pictures of CIFAR-10's size as a benchmark goes through."""

    def sketch(self) -> tuple[Image, Classes]:
        return Image(3, 32, 32), Classes(_NAMES)

    def load(self) -> Loaded:
        values = torch.randint(0, 256, (5_000, 3, 32, 32), dtype=torch.uint8)
        pictures = Pictures.whole(values, torch.randint(0, len(_NAMES), (len(values),)))
        return Loaded(train=pictures, test=pictures.part(torch.arange(500)), target=Classes(_NAMES))


class RandomWalk(SeriesData):
    """As long and as wide as ETTh1, with as many training rows."""

    num_channels = 7

    def table(self) -> Table:
        walk = np.random.default_rng(0).standard_normal((14_400, self.num_channels)).cumsum(axis=0)
        return Table(walk, tuple(f"channel {number}" for number in range(self.num_channels)), None, "a random walk")

    def ends(self, table: Table) -> tuple[int, int, int]:
        return 8_640, 11_520, 14_400


def cifar10(*, real: bool = True) -> list[str]:
    """The overrides that choose CIFAR-10, or noise of its shape where it is not at hand."""
    return ["data=cifar10", *_replaced(NoisePictures, real)]


def etth1(*, real: bool = True) -> list[str]:
    return ["data=etth1", *_replaced(RandomWalk, real, "~data.variant")]


def _replaced(cls: type[Any], real: bool, *more: str) -> list[str]:
    if real and "IOLAUS_DATA" in os.environ:
        return []
    print(f"(synthetic data, {cls.__name__}, instead of the real ones: IOLAUS_DATA is unset, or --quick)\n")
    return [f"packages=[{cls.__module__}]", f"data._target_={cls.__module__}.{cls.__name__}", "~data.root", *more]
