"""Random changes to a batch of pictures that keep its labels right: shifts, mirrors, holes and mixtures.

Each works on the whole batch at once, on its device, with one draw per picture from the given generator. None asks the
device for a value, so none waits for it. Pictures are (B, C, H, W), in uint8 wherever no fractions arise: a quarter of
the memory to move.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def crop_and_flip(pictures: Tensor, generator: Generator, *, padding: int = 0, flip: bool = False) -> Tensor:
    """Shifts every picture by up to `padding` pixels each way, black moving in, and mirrors one in two if `flip`.

    As He et al. 2016 (arXiv:1512.03385, section 4.2) train on CIFAR-10.
    """
    num, device = len(pictures), pictures.device
    top, left = torch.randint(2 * padding + 1, (2, num), generator=generator, device=device)
    mirrored = torch.rand(num, generator=generator, device=device) < (0.5 if flip else 0.0)
    return windows(pictures, top, left, mirrored, padding=padding)


def windows(pictures: Tensor, top: Tensor, left: Tensor, mirrored: Tensor, *, padding: int) -> Tensor:
    """From each picture with a black border of `padding` pixels, the window of the old size at (top, left), each (B,).

    One gather by flat position does both at once: on a CPU it takes half the time of slicing windows out of `unfold`
    and flipping them, and a fifth of a loop over the samples.
    """
    num, channels, height, width = pictures.shape
    device = pictures.device
    padded_width = width + 2 * padding
    rows = top[:, None] + torch.arange(height, device=device)  # (B, H)
    columns = torch.arange(width, device=device)
    columns = left[:, None] + torch.where(mirrored[:, None], width - 1 - columns, columns)  # (B, W)
    position = (rows[:, :, None] * padded_width + columns[:, None, :]).view(num, 1, height * width)
    padded = F.pad(pictures, (padding,) * 4).flatten(2)  # (B, C, padded height × padded width)
    return padded.gather(2, position.expand(-1, channels, -1)).view_as(pictures)


def cutout(pictures: Tensor, generator: Generator, *, side: int, fill: Tensor) -> Tensor:
    """Covers one square of `side` pixels in each picture with the colour `fill` (C,).

    Its centre is anywhere in the picture, so a part of it may lie outside: DeVries & Taylor 2017, arXiv:1708.04552.
    """
    height, width = pictures.shape[2:]
    centre = torch.rand(len(pictures), 2, generator=generator, device=pictures.device)
    hole = _boxes(centre, torch.full_like(centre, side), height, width)  # (B, 1, H, W)
    return pictures * ~hole + fill.to(pictures.dtype).view(-1, 1, 1) * hole  # on a CPU a sixth of `where`'s time


def mixup_weights(pictures: Tensor, generator: Generator, *, alpha: float) -> Tensor:
    """How much of each picture stays when it is faded into another: (B, 1, 1, 1), from Beta(alpha, alpha).

    Zhang et al. 2018, arXiv:1710.09412.
    """
    return symmetric_beta(len(pictures), alpha, generator)[:, None, None, None]


def cutmix_weights(pictures: Tensor, generator: Generator, *, alpha: float) -> Tensor:
    """Which pixels of each picture stay when a box of another is pasted into it: (B, 1, H, W), 1 or 0.

    The share that the box takes comes from Beta(alpha, alpha), before the picture's edge cuts it off, and it has the
    picture's proportions: Yun et al. 2019, arXiv:1905.04899.
    """
    height, width = pictures.shape[2:]
    share = symmetric_beta(len(pictures), alpha, generator)
    centre = torch.rand(len(pictures), 2, generator=generator, device=pictures.device)
    sides = share.sqrt()[:, None] * torch.tensor([height, width], device=pictures.device)
    return (~_boxes(centre, sides.floor(), height, width)).float()


def mix(pictures: Tensor, labels: Tensor, weights: Tensor, *, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mixes each picture with its neighbour in the batch, which is a random one since batches are shuffled.

    weights: (B, 1, 1 or H, 1 or W), how much of a picture's own pixels stays.

    Returns:
        Pictures (B, C, H, W) in float32, and probabilities (B, num_classes) in proportion to the pixels.
    """
    own = pictures.float()
    mixed = own.roll(1, 0).lerp_(own, weights)
    probabilities = F.one_hot(labels, num_classes).float()
    share = weights.mean((1, 2, 3))[:, None]
    return mixed, probabilities.roll(1, 0).lerp_(probabilities, share)


def symmetric_beta(num: int, alpha: float, generator: Generator) -> Tensor:
    """Draws from Beta(alpha, alpha): (num,), exactly and for any alpha > 0, from two uniform numbers each.

    torch's own sampler takes no generator. Bailey 1994 (doi:10.2307/2153537) draws Student's t with 2 alpha degrees of
    freedom as √(2 alpha (U^(-1/alpha) - 1)) cos 2πV; then ½ + ½ t / √(2 alpha + t²) is from Beta(alpha, alpha).
    """
    uniform, turn = torch.rand(2, num, generator=generator, device=generator.device)
    growth = torch.expm1(-uniform.log() / alpha)  # U^(-1/alpha) - 1, which may be infinite
    cosine = torch.cos(2 * math.pi * turn)
    return 0.5 + 0.5 * cosine / (1 / growth + cosine**2).sqrt()


def _boxes(centre: Tensor, sides: Tensor, height: int, width: int) -> Tensor:
    """Which pixels lie in each picture's box: (B, 1, H, W). `centre` (B, 2) in shares, `sides` (B, 2) in pixels."""
    inside = []
    for axis, length in enumerate((height, width)):
        start = (centre[:, axis] * length).floor() - (sides[:, axis] / 2).floor()
        position = torch.arange(length, device=centre.device) - start[:, None]
        inside.append((position >= 0) & (position < sides[:, axis, None]))
    rows, columns = inside
    return (rows[:, :, None] & columns[:, None, :])[:, None]
