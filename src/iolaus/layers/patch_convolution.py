"""A convolution over patches that do not overlap, which makes one place of each."""

import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.convolution import convolution


class PatchConvolution(nn.Module):
    """(B, C, H, W) → (B, D, ⌈H/size⌉, ⌈W/size⌉). What patches do not fill is padded with zeros, right and below."""

    def __init__(self, in_channels: int, out_channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.conv = convolution(in_channels, out_channels, size, stride=size, padding=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, -x.shape[3] % self.size, 0, -x.shape[2] % self.size)))
