"""Every augmentation against a plain loop over the samples that makes the same draws, and what must hold for all."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from iolaus.data.images.augmentation import (
    crop_and_flip,
    cutmix_weights,
    cutout,
    mix,
    mixup_weights,
    symmetric_beta,
    windows,
)

SHAPES = [(7, 3, 8, 8), (5, 1, 6, 10), (1, 2, 9, 4)]


def draws(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def pictures(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=draws(seed))


def window(picture: Tensor, top: int, left: int, mirrored: bool, padding: int) -> Tensor:
    _, height, width = picture.shape
    cut = F.pad(picture, (padding,) * 4)[:, top : top + height, left : left + width]
    return cut.flip(-1) if mirrored else cut


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_windows_are_windows_of_the_padded_picture(shape: tuple[int, ...], padding: int, dtype: torch.dtype) -> None:
    batch = pictures(*shape).to(dtype)
    top, left = torch.randint(2 * padding + 1, (2, len(batch)), generator=draws(1))
    mirrored = torch.rand(len(batch), generator=draws(2)) < 0.5
    got = windows(batch, top, left, mirrored, padding=padding)
    places = zip(batch, top.tolist(), left.tolist(), mirrored.tolist(), strict=True)
    want = [window(*place, padding) for place in places]
    assert torch.equal(got, torch.stack(want))
    assert got.dtype == dtype


def test_crop_and_flip_reaches_every_window_and_no_other() -> None:
    picture = pictures(1, 1, 4, 4)
    got = crop_and_flip(picture.expand(3000, -1, -1, -1), draws(), padding=1, flip=True)
    want = {
        window(picture[0], top, left, mirrored, 1).numpy().tobytes(): (top, left, mirrored)
        for top in range(3)
        for left in range(3)
        for mirrored in (False, True)
    }
    found = [want[cropped.numpy().tobytes()] for cropped in got]  # a KeyError is a window that should not be
    counts = torch.tensor([found.count(place) for place in want.values()])
    assert len(want) == 18
    # Uniform: chi-squared with 17 degrees of freedom exceeds 45 once in 4000 times, and the seed is fixed.
    assert ((counts - 3000 / 18) ** 2 / (3000 / 18)).sum() < 45


def test_nothing_asked_for_changes_nothing() -> None:
    batch = pictures(64, 3, 8, 8)
    assert torch.equal(crop_and_flip(batch, draws()), batch)


def test_without_flip_nothing_is_mirrored() -> None:
    batch = torch.arange(8, dtype=torch.uint8).expand(256, 1, 8, 8)
    rows = crop_and_flip(batch, draws(), padding=2)[:, 0, 4].int()
    inner = rows[:, 2:6].diff(dim=1)
    assert (inner == 1).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [1, 2, 3])
def test_cutout_covers_one_square(shape: tuple[int, ...], side: int) -> None:
    batch, fill = pictures(*shape), torch.arange(shape[1]) + 100.0
    got = cutout(batch, draws(1), side=side, fill=fill)
    want = batch.clone()
    height, width = shape[2:]
    for number, (y, x) in enumerate(torch.rand(len(batch), 2, generator=draws(1)).tolist()):
        top, left = int(y * height) - side // 2, int(x * width) - side // 2
        want[number, :, max(top, 0) : top + side, max(left, 0) : left + side] = fill.to(torch.uint8)[:, None, None]
    assert torch.equal(got, want)
    assert not torch.equal(got, batch)
    assert got.dtype == torch.uint8


@pytest.mark.parametrize("shape", [(40, 3, 8, 8), (40, 1, 6, 10)])
def test_cutmix_pastes_one_box(shape: tuple[int, ...]) -> None:
    height, width = shape[2:]
    weights = cutmix_weights(pictures(*shape), draws(1), alpha=1.0)
    generator = draws(1)
    share = symmetric_beta(shape[0], 1.0, generator).tolist()
    centre = torch.rand(shape[0], 2, generator=generator).tolist()
    want = torch.ones(shape[0], 1, height, width)
    for number in range(shape[0]):
        box_height, box_width = int(height * share[number] ** 0.5), int(width * share[number] ** 0.5)
        top = int(centre[number][0] * height) - box_height // 2
        left = int(centre[number][1] * width) - box_width // 2
        want[number, :, max(top, 0) : max(top + box_height, 0), max(left, 0) : max(left + box_width, 0)] = 0
    assert torch.equal(weights, want)
    assert 0.3 < weights.mean() < 0.9  # neither all nor nothing


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_pictures_and_labels_mix_in_the_same_proportion(kind: str) -> None:
    batch, labels = pictures(12, 3, 8, 8), torch.randint(0, 5, (12,), generator=draws(3))
    weigh = mixup_weights if kind == "mixup" else cutmix_weights
    weights = weigh(batch, draws(1), alpha=1.0)
    mixed, probabilities = mix(batch, labels, weights, num_classes=5)
    for number in range(12):
        own, other, weight = batch[number].float(), batch[number - 1].float(), weights[number]
        torch.testing.assert_close(mixed[number], weight * own + (1 - weight) * other)
        want = torch.zeros(5)
        want[labels[number]] += weight.mean()
        want[labels[number - 1]] += 1 - weight.mean()
        torch.testing.assert_close(probabilities[number], want)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(12))
    assert mixed.dtype == probabilities.dtype == torch.float32


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 4.0, 1000.0])
def test_the_beta_distribution_is_numpys(alpha: float) -> None:
    got = np.sort(symmetric_beta(20_000, alpha, draws()).numpy())
    want = np.sort(np.random.default_rng(0).beta(alpha, alpha, 20_000).astype(np.float32))
    places = np.linspace(0, 1, 401) if alpha < 100 else np.linspace(0.4, 0.6, 401)
    distance = np.abs(np.searchsorted(got, places) - np.searchsorted(want, places)).max() / 20_000
    assert distance < 0.0195  # Kolmogorov and Smirnov's bound at a thousandth
    assert got.std() == pytest.approx(1 / (2 * (2 * alpha + 1) ** 0.5), rel=0.02)


@pytest.mark.parametrize("alpha", [1e-3, 1e6])
def test_an_extreme_alpha_gives_shares_all_the_same(alpha: float) -> None:
    share = symmetric_beta(100_000, alpha, draws())
    assert share.min() >= 0
    assert share.max() <= 1
    assert abs(share.mean() - 0.5) < 0.01


@pytest.mark.parametrize(
    "change",
    [
        lambda batch, generator: crop_and_flip(batch, generator, padding=2, flip=True),
        lambda batch, generator: cutout(batch, generator, side=3, fill=torch.zeros(3)),
        lambda batch, generator: mixup_weights(batch, generator, alpha=0.2),
        lambda batch, generator: cutmix_weights(batch, generator, alpha=1.0),
    ],
    ids=["crop_and_flip", "cutout", "mixup", "cutmix"],
)
def test_draws_follow_from_the_generator_alone(change) -> None:  # type: ignore[no-untyped-def]
    batch = pictures(16, 3, 8, 8)
    torch.manual_seed(1)
    first = change(batch, draws(5))
    torch.manual_seed(2)
    assert torch.equal(first, change(batch, draws(5)))
    assert not torch.equal(first, change(batch, draws(6)))
    assert torch.equal(batch, pictures(16, 3, 8, 8))  # the split's own memory is never written to
