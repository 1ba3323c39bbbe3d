import math
from typing import get_args

import pytest
import torch

from iolaus.layers.positions import Positions, position_layer, waves


@pytest.mark.parametrize("dim", [6, 7])
def test_waves_are_those_of_the_paper(dim: int) -> None:
    table = waves(50, dim)
    for position in (0, 1, 7, 49):
        for column in range(dim):
            angle = position / 10000 ** (2 * (column // 2) / dim)
            expected = math.cos(angle) if column % 2 else math.sin(angle)
            assert table[position, column].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", ["learned", "sinusoidal"])
def test_the_same_is_added_to_every_sample_and_sized_as_asked(name: Positions) -> None:
    torch.manual_seed(0)
    layer = position_layer(name, 200, 64, std=0.2)
    x = torch.randn(3, 200, 64)
    added = layer(x) - x
    torch.testing.assert_close(added[0], added[2])
    assert added.std().item() == pytest.approx(0.2, rel=0.15)  # long waves are far from their mean
    torch.testing.assert_close(layer(x[:, :9]), layer(x)[:, :9])


def test_none_adds_nothing() -> None:
    x = torch.randn(2, 4, 8)
    assert get_args(Positions)[-1] == "none"
    torch.testing.assert_close(position_layer("none", 4, 8, std=1.0)(x), x)
