"""Handwritten digits on paper, and handwritten digits on coloured grounds: two domains that are built in."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from iolaus.data.images.digits import read_digits
from iolaus.data.images.domains import DomainImages
from iolaus.data.images.images import Loaded
from iolaus.data.images.pictures import Pictures
from iolaus.data.splits import held_out
from iolaus.spec import Domains, Image

_SIDE = 16
_NUM_PATCHES = 4  # along each side of a ground, between which its colour changes
_BRIGHTEST, _CHANGE, _GRAIN = 150, 60, 15  # of 255: a ground's colour, how far it changes, and the noise on it
_NAMES = tuple("0123456789")


class DigitsDomains(DomainImages):
    """Half of the training digits of `data=digits` are the labelled domain, grey on black as they are. The other half,
    and all test digits, lie on grounds of slowly changing colours with noise: each pixel is the distance between digit
    and ground, as Ganin et al. 2016 (arXiv:1505.07818) lay MNIST on photographs.

    So no digit is in both domains, and none of the test's in training; and the same ones are there in every run.
    """

    def sketch(self) -> tuple[Image, Domains]:
        return Image(3, _SIDE, _SIDE), Domains(_NAMES)

    def domains(self) -> tuple[Loaded, Pictures]:
        digits = read_digits()
        here, there = held_out(digits.train.targets, 0.5, seed=0)
        rng = np.random.default_rng(0)
        source = _whole(digits.train.part(here), None)
        other, test = (_whole(part, rng) for part in (digits.train.part(there), digits.test))
        return Loaded(source, test, Domains(_NAMES)), other


def _whole(digits: Pictures, grounds: np.random.Generator | None) -> Pictures:
    """The digits in colour, on grounds that are drawn; without, grey on black."""
    ink = digits.batch(torch.arange(len(digits))).input.float()
    ink = F.interpolate(ink, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False).expand(-1, 3, -1, -1)
    values = ink if grounds is None else (_grounds(len(ink), grounds) - ink).abs()
    return Pictures.whole(values.round().to(torch.uint8), digits.targets)


def _grounds(number: int, rng: np.random.Generator) -> Tensor:
    """(number, 3, side, side), 0 … 255"""
    colour = torch.from_numpy(rng.integers(0, _BRIGHTEST, (number, 3, 1, 1)))
    change = torch.from_numpy(rng.integers(-_CHANGE, _CHANGE + 1, (number, 3, _NUM_PATCHES, _NUM_PATCHES))).float()
    slow = F.interpolate(change, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)
    grain = torch.from_numpy(rng.integers(-_GRAIN, _GRAIN + 1, (number, 1, _SIDE, _SIDE)))
    return (colour + slow + grain).clamp(0, 255)
