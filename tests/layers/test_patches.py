"""Patches against loops, and the sizes that are chosen by default."""

import pytest
import torch

from iolaus.layers.patches import (
    image_patch_size,
    num_patches_of_series,
    patches_of_images,
    patches_of_series,
    series_patch_size,
)


@pytest.mark.parametrize(("height", "width"), [(2, 3), (4, 6), (1, 1)])
def test_patches_of_images_in_reading_order(height: int, width: int) -> None:
    images = torch.randn(2, 3, 4, 6)
    expected = [
        images[:, :, top : top + height, left : left + width].flatten(1)
        for top in range(0, 4, height)
        for left in range(0, 6, width)
    ]
    torch.testing.assert_close(patches_of_images(images, height, width), torch.stack(expected, dim=1))


def test_images_are_filled_up_with_zeros() -> None:
    patches = patches_of_images(torch.ones(1, 1, 3, 5), 2, 2)
    assert patches.shape == (1, 6, 4)
    assert patches[0, 2].tolist() == [1, 0, 1, 0]  # upper right
    assert patches[0, 5].tolist() == [1, 0, 0, 0]  # lower right


@pytest.mark.parametrize(
    ("length", "size", "stride", "starts"),
    [(8, 4, 2, [0, 2, 4, 6]), (9, 4, 4, [0, 4, 8]), (8, 4, 4, [0, 4]), (5, 1, 1, [0, 1, 2, 3, 4]), (7, 7, 7, [0])],
)
def test_patches_of_series(length: int, size: int, stride: int, starts: list[int]) -> None:
    series = torch.randn(2, length, 3)
    steps = torch.arange(length + size).clamp(max=length - 1)  # the last step goes on
    expected = [series[:, steps[start : start + size]].transpose(1, 2).flatten(1) for start in starts]
    torch.testing.assert_close(patches_of_series(series, size, stride), torch.stack(expected, dim=1))
    assert num_patches_of_series(length, size, stride) == len(starts)


@pytest.mark.parametrize("length", range(1, 40))
def test_no_step_of_a_series_is_left_out(length: int) -> None:
    for size in range(1, length + 1):
        for stride in range(1, size + 1):
            patches = patches_of_series(torch.arange(length).view(1, -1, 1), size, stride)
            assert patches.unique().tolist() == list(range(length))
            assert patches.shape[1] == num_patches_of_series(length, size, stride)


def test_patchtst_has_42_patches_of_336_steps_and_64_of_512() -> None:
    """The model's names for its two settings in the paper (Nie et al. 2023, section 4)."""
    assert [num_patches_of_series(length, 16, 8) for length in (336, 512)] == [42, 64]


@pytest.mark.parametrize(("side", "size"), [(1, 1), (2, 1), (4, 2), (8, 2), (28, 4), (32, 4), (64, 8), (224, 16)])
def test_default_patches_of_images(side: int, size: int) -> None:
    assert image_patch_size(side, side) == size


@pytest.mark.parametrize(
    ("length", "size"), [(1, 1), (3, 1), (4, 1), (8, 2), (24, 4), (52, 8), (96, 16), (336, 16), (720, 16)]
)
def test_default_patches_of_series(length: int, size: int) -> None:
    assert series_patch_size(length) == size
