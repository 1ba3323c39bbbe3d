"""How fast batches come, against torch's DataLoader with transforms written sample by sample; on one core.

    python benchmarks/loaders.py [--quick] [--processor] [--rounds 7]

Pictures: CIFAR-10's training pictures, shifted, mirrored and normalized (He et al. 2016), in batches of 128. Ours does
that to the whole batch. The others do it to each picture, as tensors (ours is to be 3 times as fast) or with Pillow (8
times), and have no workers either, which on one core only cost more. All give the same memory layout (channels_last is
extra). Series: an epoch of ETTh1's windows, 336 hours in and 96 out, in batches of 64 (under 0.3 s), against a Dataset
that cuts them one by one.
"""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from alternate import alternate, arguments, seconds_of
from PIL import Image, ImageOps
from synthetic import cifar10, etth1
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from iolaus.config.build import build_data
from iolaus.config.compose import compose
from iolaus.data.images.images import ImageData
from iolaus.data.module import DataModule
from iolaus.data.series.series import SeriesData

PADDING = 4


class Samples(Dataset[Any]):
    """One sample at a time, as tutorials write it."""

    def __init__(self, length: int, sample: Callable[[int], Any]) -> None:
        self.length = length
        self.sample = sample

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Any:
        return self.sample(number)


def tensor_sample(values: Tensor, labels: Tensor, mean: Tensor, std: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Pad, crop, mirror, scale: on one uint8 tensor (C, H, W)."""
    picture = values[number]
    height, width = picture.shape[1:]
    top, left = random.randint(0, 2 * PADDING), random.randint(0, 2 * PADDING)
    picture = F.pad(picture, (PADDING,) * 4)[:, top : top + height, left : left + width]
    if random.random() < 0.5:
        picture = picture.flip(-1)
    return (picture.float() / 255 - mean) / std, labels[number]


def pillow_sample(
    values: np.ndarray, labels: list[int], mean: list[float], std: list[float], number: int
) -> tuple[Tensor, int]:
    """The same on one array (H, W, C) by way of a Pillow picture, in the steps of torchvision's RandomCrop,
    RandomHorizontalFlip, ToTensor and Normalize: draws are tensors, mean and deviation become tensors each time.
    """
    picture = Image.fromarray(values[number])
    width, height = picture.size
    picture = ImageOps.expand(picture, border=PADDING)
    top, left = (int(torch.randint(0, 2 * PADDING + 1, (1,)).item()) for _ in range(2))
    picture = picture.crop((left, top, left + width, top + height))
    if torch.rand(1) < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255).clone()
    centre, scale = torch.as_tensor(mean), torch.as_tensor(std)
    if (scale == 0).any():
        raise ValueError("a deviation of 0")
    return tensor.sub_(centre.view(-1, 1, 1)).div_(scale.view(-1, 1, 1)), labels[number]


def ours(data: DataModule) -> Iterable[Any]:
    return (data.on_after_batch_transfer(batch, 0) for batch in data.train_dataloader())


def exhaust(batches: Callable[[], Iterable[Any]], num_batches: int) -> float:
    """Seconds per batch, over the first `num_batches`."""
    iterator = iter(batches())
    return seconds_of(lambda: [next(iterator) for _ in range(num_batches)]) / num_batches


def pictures(*, quick: bool, num_rounds: int) -> None:
    data = build_data(compose([*cifar10(real=not quick), "data.channels_last=false"]).config)
    assert isinstance(data, ImageData)
    data.setup()
    assert data.mean is not None
    assert data.std is not None
    mean, std = ([value / 255 for value in values] for values in (data.mean, data.std))
    values, labels = data.train.values, data.train.labels
    assert labels is not None
    as_arrays = values.permute(0, 2, 3, 1).contiguous().numpy()
    constants = (torch.tensor(value)[:, None, None] for value in (mean, std))
    per_tensor = Samples(len(values), partial(tensor_sample, values, labels, *constants))
    per_picture = Samples(len(values), partial(pillow_sample, as_arrays, labels.tolist(), mean, std))
    loader = partial(DataLoader, batch_size=data.batch_size, shuffle=True, drop_last=True)
    num_batches = 2 if quick else 100
    contenders = {
        "ours, batch by batch": partial(exhaust, partial(ours, data), num_batches),
        "DataLoader, tensors": partial(exhaust, partial(loader, per_tensor), num_batches),
        "DataLoader, Pillow": partial(exhaust, partial(loader, per_picture), num_batches),
    }
    rounds = alternate(contenders, num_rounds=num_rounds)
    for name, target in zip(contenders, ("", "   (target: at least 3 ×)", "   (target: at least 8 ×)"), strict=True):
        ratio = rounds.ratio(name, "ours, batch by batch")
        print(f"{name:<32} {rounds.median(name) * 1e3:8.2f} ms a batch  {ratio:6.2f} ×{target}")


def series(*, quick: bool, num_rounds: int) -> None:
    data = build_data(compose(etth1(real=not quick)).config)
    assert isinstance(data, SeriesData)
    data.setup()
    length, lookback = data.lookback + data.horizon, data.lookback
    table = torch.randn(len(data.train) + length - 1, data.num_channels)
    one_by_one = Samples(
        len(data.train), lambda start: (table[start : start + lookback], table[start + lookback : start + length])
    )
    loader = partial(DataLoader, one_by_one, batch_size=data.batch_size, shuffle=True, drop_last=True)
    num_batches = 5 if quick else len(data.train_dataloader())
    contenders = {
        "ours, ETTh1": partial(exhaust, partial(ours, data), num_batches),
        "DataLoader, windows": partial(exhaust, loader, num_batches),
    }
    rounds = alternate(contenders, num_rounds=num_rounds)
    for name, target in zip(contenders, ("   (target: under 0.3 s)", ""), strict=True):
        ratio, seconds = rounds.ratio(name, "ours, ETTh1"), rounds.median(name) * len(data.train_dataloader())
        print(f"{name:<32} {seconds:8.3f} s an epoch   {ratio:6.2f} ×{target}")


def main() -> None:
    options = arguments(__doc__, num_rounds=7)
    pictures(quick=options.quick, num_rounds=options.rounds)
    print()
    series(quick=options.quick, num_rounds=options.rounds)


if __name__ == "__main__":
    main()
