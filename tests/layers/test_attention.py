"""Self-attention against torch's own module and against the formula written out."""

import math

import pytest
import torch
from torch import Tensor, nn

from iolaus.layers.attention import CausalAttention, CrossAttention, SelfAttention, attend, attention_weights
from iolaus.layers.positions import RotaryPositions

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


def heads() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(B, N, length, 3, generator=generator) for length in (4, L, L))
    return query, key, value


@pytest.mark.parametrize("kind", ["none", "bool", "bias"])
def test_what_is_written_out_is_what_torch_computes(kind: str) -> None:
    generator = torch.Generator().manual_seed(1)
    bias = torch.randn(N, 4, L, generator=generator)
    mask = {"none": None, "bool": bias > -1, "bias": bias}[kind]
    ours, theirs = (tuple(x.clone().requires_grad_() for x in heads()) for _ in range(2))
    out = attend(*ours, mask, scale=0.7)
    expected = nn.functional.scaled_dot_product_attention(*theirs, attn_mask=mask, scale=0.7)
    torch.testing.assert_close(out, expected)
    weight = torch.randn(out.shape, generator=generator)
    (out * weight).sum().backward()
    (expected * weight).sum().backward()
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, two.grad)
    torch.testing.assert_close(attention_weights(*heads()[:2], mask, scale=0.7).sum(-1), torch.ones(B, N, 4))


@pytest.mark.parametrize("has_bias", [False, True])
def test_causal_attention_is_attention_without_the_future(has_bias: bool) -> None:
    torch.manual_seed(0)
    attention, x = CausalAttention(D, N, rotary=RotaryPositions(4)), torch.randn(B, L, D)
    attention.num_heads = 3  # heads of four features, which can be turned in pairs
    attention.scale = 0.5
    bias = torch.randn(3, L, L) if has_bias else None
    past = torch.ones(L, L, dtype=torch.bool).tril()
    allowed = past if bias is None else bias.masked_fill(~past, -math.inf)
    query, key, value = attention.heads(x)
    expected = attention.output(attend(query, key, value, allowed, scale=0.5).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x, bias=bias), expected)
    cache, said = None, []
    for place in range(L):
        row = None if bias is None else bias[:, place : place + 1, : place + 1]
        y, cache = attention.step(x[:, place : place + 1], cache, row)
        said.append(y)
    torch.testing.assert_close(torch.cat(said, 1), expected)


def test_cross_attention_equals_torchs_module() -> None:
    torch.manual_seed(0)
    attention = CrossAttention(D, N)
    other = nn.MultiheadAttention(D, N, batch_first=True)
    projections = attention.query, attention.key, attention.value
    with torch.no_grad():
        other.in_proj_weight.copy_(torch.cat([linear.weight for linear in projections]))
        other.in_proj_bias.copy_(torch.cat([linear.bias for linear in projections]))
        other.out_proj.load_state_dict(attention.output.state_dict())
    x, memory = torch.randn(B, 2, D), torch.randn(B, L, D)
    expected, _ = other(x, memory, memory, key_padding_mask=~masks())
    torch.testing.assert_close(attention(x, memory, masks()), expected)


def test_attention_weights_are_dropped_in_training_only() -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(D, N, dropout=0.5), torch.randn(B, L, D)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    torch.testing.assert_close(attention(x), attention(x))
