"""Self-attention against torch's own module and against the formula written out."""

import math

import pytest
import torch
from torch import Tensor, nn

from iolaus.layers.attention import SelfAttention

B, L, D, N = 3, 5, 12, 4


@pytest.fixture
def attention() -> SelfAttention:
    torch.manual_seed(0)
    return SelfAttention(D, N)


def torchs(attention: SelfAttention) -> nn.MultiheadAttention:
    """torch's module with the same weights."""
    other = nn.MultiheadAttention(D, N, batch_first=True)
    projections = attention.query, attention.key, attention.value
    with torch.no_grad():
        other.in_proj_weight.copy_(torch.cat([linear.weight for linear in projections]))
        other.in_proj_bias.copy_(torch.cat([linear.bias for linear in projections]))
        other.out_proj.load_state_dict(attention.output.state_dict())
    return other


def written_out(attention: SelfAttention, x: Tensor, mask: Tensor) -> Tensor:
    """One sample and one head at a time, over the real tokens only."""
    out = torch.zeros_like(x)
    for sample in range(len(x)):
        real = x[sample, mask[sample]]  # (R, D)
        query, key, value = attention.query(x[sample]), attention.key(real), attention.value(real)
        heads = []
        for part in torch.arange(D).split(D // N):
            weights = (query[:, part] @ key[:, part].T / math.sqrt(D // N)).softmax(1)  # (L, R)
            heads.append(weights @ value[:, part])
        out[sample] = attention.output(torch.cat(heads, dim=1))
    return out


def masks() -> Tensor:
    return torch.arange(L) < torch.tensor([[L], [3], [1]])


@pytest.mark.parametrize("mask", [None, masks()], ids=["no padding", "padding"])
def test_equals_torchs_module_in_values_and_gradients(attention: SelfAttention, mask: Tensor | None) -> None:
    other = torchs(attention)
    x, weight = torch.randn(B, L, D), torch.randn(B, L, D)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    out = attention(ours, mask)
    expected, _ = other(theirs, theirs, theirs, key_padding_mask=None if mask is None else ~mask)
    torch.testing.assert_close(out, expected)

    (out * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    projections = attention.query, attention.key, attention.value
    gradients = torch.cat([linear.weight.grad for linear in projections])  # type: ignore[misc]
    torch.testing.assert_close(gradients, other.in_proj_weight.grad)
    torch.testing.assert_close(attention.output.weight.grad, other.out_proj.weight.grad)


def test_equals_the_formula_written_out(attention: SelfAttention) -> None:
    x = torch.randn(B, L, D)
    torch.testing.assert_close(attention(x, masks()), written_out(attention, x, masks()))


def test_nothing_but_padding_gives_numbers_and_leaves_the_others_alone(attention: SelfAttention) -> None:
    x, mask = torch.randn(2, L, D), torch.tensor([[True] * L, [False] * L])
    out = attention(x, mask)
    assert out.isfinite().all()
    torch.testing.assert_close(out[:1], attention(x[:1], mask[:1]))


def test_heads_must_divide_the_features() -> None:
    with pytest.raises(ValueError, match=r"model\.dim=100 .* model\.num_heads=8: type model\.dim=104"):
        SelfAttention(100, 8)
