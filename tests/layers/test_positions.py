import math
from typing import get_args

import pytest
import torch

from iolaus.layers.positions import Positions, RelativePositions, RotaryPositions, position_layer, waves


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


@pytest.mark.parametrize("name", ["learned", "sinusoidal"])
def test_later_tokens_get_later_positions(name: Positions) -> None:
    torch.manual_seed(0)
    layer, x = position_layer(name, 20, 6, std=1.0), torch.zeros(1, 9, 6)
    torch.testing.assert_close(layer(x[:, 4:], 4), layer(x)[:, 4:])


def test_rotary_scores_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    rotary = RotaryPositions(8)
    query, key = torch.randn(2, 8).double()
    scores = rotary(query.expand(1, 1, 30, 8)) @ rotary(key.expand(1, 1, 30, 8)).transpose(2, 3)
    for distance in (-20, -1, 0, 3, 29):
        diagonal = scores[0, 0].diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-6, rtol=0)
    assert not torch.isclose(scores[0, 0, 0, 0], scores[0, 0, 0, 1])
    x = torch.randn(1, 1, 9, 8)
    torch.testing.assert_close(rotary(x[:, :, 4:], 4), rotary(x)[:, :, 4:])
    torch.testing.assert_close(rotary(x).norm(dim=-1), x.norm(dim=-1))


def test_an_odd_head_cannot_be_turned() -> None:
    with pytest.raises(ValueError, match=r"^model\.positions=rotary turns pairs of features, but a head has 5"):
        RotaryPositions(5)


@pytest.mark.parametrize("is_causal", [False, True])
def test_relative_positions_are_those_of_t5(is_causal: bool) -> None:
    modeling = pytest.importorskip("transformers.models.t5.modeling_t5")
    ours = RelativePositions(3, is_causal=is_causal, num_buckets=16, max_distance=40)
    place = torch.arange(100)
    distance = place[None, :] - place[:, None]
    theirs = modeling.T5Attention._relative_position_bucket(distance, not is_causal, 16, 40)
    assert torch.equal(ours._bucket(distance), theirs)
    torch.nn.init.normal_(ours.table.weight)
    assert ours(7).shape == (3, 7, 7)
    torch.testing.assert_close(ours(7)[1, 2, 5], ours.table.weight[ours._bucket(torch.tensor(3)), 1])
    torch.testing.assert_close(ours(7, start=6), ours(7)[:, 6:])
