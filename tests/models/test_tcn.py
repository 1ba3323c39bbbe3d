"""The temporal convolutional network against its paper: parameters, causality, dilation, receptive field."""

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.models.tcn import TCN, Block, receptive_field
from iolaus.spec import Classes, Image, Text

TEN, WORDS = Classes(tuple("0123456789")), Text(50, 400)


def test_sequential_mnist_needs_the_papers_70_thousand_parameters() -> None:
    """Table 1: 25 features, 8 blocks, kernels of 7 (appendix A), picture by picture one pixel at a time.

    A block has two convolutions, each with biases and the lengths of its filters. The paper's first block goes from one
    feature to 25 itself, which here the embedding does.
    """
    with torch.device("meta"):
        model = TCN(Image(1, 28, 28), TEN, dim=25, num_layers=8, kernel_size=7, patch_size=1)
    block = 2 * (25 * 25 * 7 + 25 + 25)
    number = sum(parameter.numel() for parameter in model.parameters())
    assert number == (25 + 25) + 8 * block + (25 * 10 + 10)
    assert number == pytest.approx(70_000, rel=0.02)


def influence(model: nn.Module, x: Tensor, place: int) -> list[int]:
    """The steps of x (B, D, L) that what comes out at `place` depends on."""
    x = x.requires_grad_()
    model(x)[:, :, place].sum().backward()
    assert x.grad is not None
    return x.grad.abs().sum((0, 1)).nonzero().flatten().tolist()


@pytest.mark.parametrize(("num_layers", "kernel_size"), [(1, 2), (2, 3), (3, 3), (2, 7)])
def test_a_step_sees_the_whole_receptive_field_and_nothing_of_the_future(num_layers: int, kernel_size: int) -> None:
    torch.manual_seed(0)
    options: dict[str, Any] = {"activation": "tanh", "dropout": 0.0, "weight_norm": True}
    model = nn.Sequential(*(Block(4, kernel_size, 2**number, **options) for number in range(num_layers)))
    seen = receptive_field(num_layers, kernel_size)
    assert influence(model, torch.randn(2, 4, seen + 9), place=seen + 4) == list(range(5, seen + 5))


def test_a_block_by_hand() -> None:
    torch.manual_seed(0)
    block = Block(4, 3, 2, activation="relu", dropout=0.3, weight_norm=True).eval()
    x = torch.randn(2, 4, 11)
    residual = x
    for convolution in block.convolutions:
        parts = convolution.conv.parametrizations.weight
        length, direction = parts.original0, parts.original1
        weight = length * direction / direction.flatten(1).norm(dim=1).view(-1, 1, 1)
        bias = convolution.conv.bias
        padded = F.pad(residual, (4, 0))
        steps = [sum(padded[:, :, t + 2 * tap] @ weight[:, :, tap].T for tap in range(3)) + bias for t in range(11)]
        residual = torch.stack(steps, dim=2).relu()
    torch.testing.assert_close(block(x), (x + residual).relu(), rtol=1e-4, atol=1e-5)


def test_dropout_takes_whole_features() -> None:
    torch.manual_seed(0)
    dropped = Block(64, 3, 1, activation="relu", dropout=0.5, weight_norm=False).dropout(torch.ones(8, 64, 5))
    assert ((dropped == 0).all(2) | (dropped == 2).all(2)).all()
    assert 0.3 < (dropped == 0).float().mean() < 0.7


def test_a_last_token_that_cannot_see_the_first_is_said() -> None:
    with pytest.warns(UserWarning, match=r"the last token sees 181 of up to 400 tokens\.$"):
        TCN(WORDS, TEN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TCN(WORDS, TEN, num_layers=6)
        TCN(WORDS, TEN, pooling="mean")
