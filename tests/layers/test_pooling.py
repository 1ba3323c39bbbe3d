"""Poolings against one sample at a time with its padding cut away."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from iolaus.layers.pooling import AttentionPool, Pool, Pooling, pooling_layer

B, L, D = 4, 6, 3
LENGTHS = [6, 2, 4, 1]
NAMES = get_args(Pooling)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(B, L, D, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(L) < torch.tensor(LENGTHS)[:, None]


def pooled(pool: Pool, tokens: Tensor) -> Tensor:
    """(R, D) real tokens of one sample → (D',)."""
    if isinstance(pool, AttentionPool):
        scores = torch.tanh(tokens @ pool.key.weight.T + pool.key.bias) @ pool.query.weight[0]
        return scores.softmax(0) @ tokens
    return {
        "MeanPool": lambda: tokens.mean(0),
        "MaxPool": lambda: tokens.max(0).values,
        "FirstPool": lambda: tokens[0],
        "LastPool": lambda: tokens[-1],
        "ConcatPool": lambda: torch.cat([tokens[-1], tokens.max(0).values, tokens.mean(0)]),
        "FlattenPool": lambda: torch.cat([*tokens, torch.zeros(D * (L - len(tokens)))]),
    }[type(pool).__name__]()


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_real_tokens_pooled_alone(name: Pooling, x: Tensor, mask: Tensor) -> None:
    pool = pooling_layer(name, D, L)
    out = pool(x, mask)
    assert out.shape == (B, pool.output_dim)
    for sample, length in enumerate(LENGTHS):
        torch.testing.assert_close(out[sample], pooled(pool, x[sample, :length]))


@pytest.mark.parametrize("name", NAMES)
def test_no_mask_means_no_padding(name: Pooling, x: Tensor) -> None:
    pool = pooling_layer(name, D, L)
    torch.testing.assert_close(pool(x), pool(x, torch.ones(B, L, dtype=torch.bool)))


@pytest.mark.parametrize("name", NAMES)
def test_maps_are_sequences_of_their_places(name: Pooling, x: Tensor) -> None:
    pool = pooling_layer(name, D, L)
    torch.testing.assert_close(pool(x.transpose(1, 2).unflatten(2, (2, 3))), pool(x))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_padding_gives_zeros(name: Pooling, x: Tensor) -> None:
    out = pooling_layer(name, D, L)(x, torch.zeros(B, L, dtype=torch.bool))
    torch.testing.assert_close(out, torch.zeros_like(out))
