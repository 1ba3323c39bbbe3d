"""Convolutions are torch's, but for gradients that torch's CPU kernels leave unwritten."""

from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from iolaus.layers.convolution import ConvNorm, Convolution
from iolaus.layers.norms import Norm


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_it_is_torchs_at_every_size_and_stride(size: int, padding: int) -> None:
    for side in range(max(1, size - 2 * padding), 6):
        for stride in range(1, 6):
            conv = Convolution(2, 3, size, stride, padding)
            x = torch.randn(2, 2, side, side + 1)
            torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, conv.bias, stride, padding))


def _gradient(groups: int, size: int, side: int, memory: float) -> Tensor:
    """In bfloat16, after freed memory was filled with this value."""
    torch.manual_seed(0)
    conv = Convolution(48, 48, size, 2, size // 2, groups=groups)
    x = torch.randn(16, 48, side, side).to(memory_format=torch.channels_last)
    blocks = [torch.full((length,), memory) for length in (25, 50, 100, 400, 1_000, 5_000, 20_000, 100_000) * 6]
    del blocks
    with torch.autocast("cpu", dtype=torch.bfloat16):
        conv(x).float().square().sum().backward()
    assert conv.weight.grad is not None
    return conv.weight.grad


@pytest.mark.parametrize("side", [1, 2, 3])
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("groups", [1, 48])
def test_no_gradient_is_what_the_memory_held(groups: int, size: int, side: int) -> None:
    clean = _gradient(groups, size, side, memory=0.0)
    for memory in (1e4, float("nan"), -3e3):
        assert torch.equal(_gradient(groups, size, side, memory), clean)


@pytest.mark.parametrize("norm", get_args(Norm))
def test_every_norm_leaves_its_convolution_a_bias_from_somewhere(norm: Norm) -> None:
    names = {name.rpartition(".")[2] for name, _ in ConvNorm(3, 16, 3, norm=norm).named_parameters()}
    assert "bias" in names


@pytest.mark.parametrize("norm", sorted(set(get_args(Norm)) - {"rms", "none"}))
def test_no_bias_stands_before_another(norm: Norm) -> None:
    assert ConvNorm(3, 16, 3, norm=norm).conv.bias is None
