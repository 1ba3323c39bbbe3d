"""A convolution and its norm, the brick that convolutional networks for pictures are built of."""

from math import sqrt

import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.norms import Norm, norm_layer


def convolution(
    in_channels: int,
    out_channels: int,
    size: int,
    *,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    norm: Norm = "none",
) -> nn.Conv2d:
    """(B, C, H, W) → (B, D, ⌈H/stride⌉, ⌈W/stride⌉). It has a bias only where the norm beside it has none.

    padding: None: half the filter.
    norm: the one beside it. Weights begin as in He et al. 2015 (arXiv:1502.01852), so that beside a norm they keep the
        variance of the gradients, and without one that of the values: these would grow where channels become fewer.
    """
    padding = size // 2 if padding is None else padding
    conv = Convolution(in_channels, out_channels, size, stride, padding, groups=groups, bias=norm in ("none", "rms"))
    fan = size * size * (in_channels if norm == "none" else out_channels) // groups
    nn.init.normal_(conv.weight, std=sqrt(2 / fan))
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class Convolution(nn.Conv2d):
    """Never steps further than the maps are wide, where there is only one place to stand on anyway.

    With longer steps oneDNN (as of torch 2.13) fills the bfloat16 gradients of weights that see nothing but padding
    with whatever the memory held before.
    """

    def forward(self, input: Tensor) -> Tensor:
        assert not isinstance(self.padding, str)
        axes = zip(self.stride, input.shape[-2:], self.padding, self.kernel_size, strict=True)
        stride = [min(step, side) if 2 * padding < size else step for step, side, padding, size in axes]
        return F.conv2d(input, self.weight, self.bias, stride, self.padding, self.dilation, self.groups)


class ConvNorm(nn.Module):
    """(B, C, H, W) → (B, D, ⌈H/stride⌉, ⌈W/stride⌉).

    padding: None: half the filter.
    pool: side of the squares whose maximum goes on; they are taken before the norm, which then has less to do.
    silent: it begins with an output of 0.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        pool: int = 1,
        norm: Norm = "batch",
        silent: bool = False,
    ) -> None:
        super().__init__()
        self.conv = convolution(
            in_channels, out_channels, size, stride=stride, padding=padding, groups=groups, norm=norm
        )
        self.pool = nn.MaxPool2d(pool, ceil_mode=True) if pool > 1 else nn.Identity()
        self.norm = norm_layer(norm, out_channels, spatial=True)
        if silent:
            nn.init.zeros_(self.conv.weight if norm == "none" else self.norm.get_parameter("weight"))

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.pool(self.conv(x)))


class NormConv(nn.Module):
    """Norm, nonlinearity, convolution: the order of pre-activation networks (He et al. 2016, arXiv:1603.05027).

    The last of a residual branch may begin silent, with an output of 0.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        *,
        stride: int = 1,
        activation: Activation = "relu",
        norm: Norm = "batch",
        silent: bool = False,
    ) -> None:
        super().__init__()
        self.norm = norm_layer(norm, in_channels, spatial=True)
        self.activation = activation_layer(activation)
        self.conv = convolution(in_channels, out_channels, size, stride=stride, norm=norm)
        if silent:
            nn.init.zeros_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.activation(self.norm(x)))


def convolution_layer(
    in_channels: int,
    out_channels: int,
    size: int,
    *,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    activation: Activation,
    norm: Norm,
) -> nn.Sequential:
    """Convolution, norm, nonlinearity."""
    conv = ConvNorm(in_channels, out_channels, size, stride=stride, padding=padding, groups=groups, norm=norm)
    return nn.Sequential(conv, activation_layer(activation))
