"""Convolution and pooling: both look at a picture through small windows, side by side or overlapping.

`windows` lays the windows out as dimensions of their own, without copying; then a convolution is one matrix product
(known as im2col) and pooling one reduction. `unwindow` is its reverse; each is the other's rule.
"""

import numpy as np

from iolaus.scratch.linear import uniform_parameter
from iolaus.scratch.module import Module
from iolaus.scratch.operations import where
from iolaus.scratch.shapes import pad
from iolaus.scratch.tensor import Tensor, apply
from iolaus.scratch.values import Array


def windows(x: Tensor, size: int, stride: int) -> Tensor:
    """(B, C, H, W) gives (B, C, rows, columns, size, size): every window of the picture."""
    if min(x.shape[-2:]) < size:
        raise ValueError(f"a window of {size}×{size} does not fit into a picture of shape {x.shape}")

    def forward(x: Array) -> Array:
        views = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
        return views[:, :, ::stride, ::stride]

    return apply("windows", forward, (x, lambda g, _: unwindow(g, x.shape, stride)))


def unwindow(parts: Tensor, shape: tuple[int, ...], stride: int) -> Tensor:
    """(B, C, rows, columns, size, size) gives (B, C, H, W): every window added in at its place."""
    rows, columns, size, _ = parts.shape[2:]

    def forward(parts: Array) -> Array:
        picture = np.zeros(shape, parts.dtype)
        for i in range(size):
            for j in range(size):
                picture[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride] += parts[..., i, j]
        return picture

    return apply("unwindow", forward, (parts, lambda g, _: windows(g, size, stride)))


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    """Slides filters over pictures: (B, C, H, W) and (D, C, size, size) give (B, D, rows, columns)."""
    if x.ndim != 4 or x.shape[1] != weight.shape[1]:
        raise ValueError(f"a convolution with weight {weight.shape} reads (B, {weight.shape[1]}, H, W), not {x.shape}")
    seen = windows(pad(x, padding), weight.shape[-1], stride).permute(0, 2, 3, 1, 4, 5)
    num_samples, rows, columns = seen.shape[:3]
    y = seen.reshape(num_samples * rows * columns, -1) @ weight.reshape(len(weight), -1).T
    y = y if bias is None else y + bias
    return y.reshape(num_samples, rows, columns, -1).permute(0, 3, 1, 2)


def max_pool2d(x: Tensor, kernel_size: int, stride: int | None = None) -> Tensor:
    """The largest number in each window; at a tie the gradient goes to the first."""
    seen = windows(x, kernel_size, stride or kernel_size)
    first = seen.data.reshape(*seen.shape[:-2], -1).argmax(-1)[..., None] == np.arange(kernel_size**2)
    return where(first.reshape(seen.shape), seen, 0.0).sum((-2, -1))


def avg_pool2d(x: Tensor, kernel_size: int, stride: int | None = None) -> Tensor:
    """The mean of each window."""
    return windows(x, kernel_size, stride or kernel_size).mean((-2, -1))


class Conv2d(Module):
    """Filters that look at every place of a picture with the same weights (LeCun et al. 1989)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        fan_in = in_channels * kernel_size**2
        self.weight = uniform_parameter((out_channels, in_channels, kernel_size, kernel_size), fan_in)
        self.bias = uniform_parameter((out_channels,), fan_in) if bias else None
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)


class MaxPool2d(Module):
    def __init__(self, kernel_size: int, stride: int | None = None) -> None:
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return max_pool2d(x, self.kernel_size, self.stride)


class AvgPool2d(Module):
    def __init__(self, kernel_size: int, stride: int | None = None) -> None:
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(x, self.kernel_size, self.stride)
