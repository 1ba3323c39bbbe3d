"""ResNet-9: the residual network that learns small pictures in the fewest minutes (Page 2018, "How to train your
ResNet", the winning entry for CIFAR-10 in Coleman et al. 2019, arXiv:1806.01427)."""

from typing import ClassVar

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.convolution import ConvNorm
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Image, Input, Target


class ResNet9(nn.Module):
    """A 3×3 stem; three groups that convolve, double the channels and halve the sides by pooling, the first and the
    last with a residual of two convolutions; the maximum over all places; a linear layer.

    width: channels of the stem; 64 in the original, half of that on a CPU.
    output_scale: what the features are multiplied by before the linear layer, so that high learning rates do not make
        the first logits large.
    dropout: on what the last linear layer reads. spatial_dropout: of whole maps, after each group.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        width: Count = 64,
        activation: Activation = "relu",
        norm: Norm = "batch",
        output_scale: Positive = 0.125,
        dropout: Rate = 0.0,
        spatial_dropout: Rate = 0.0,
    ) -> None:
        super().__init__()
        assert isinstance(input, Image)
        self.output_scale = output_scale
        self.stem = _convolution(input.channels, width, activation, norm)
        self.groups = nn.ModuleList(
            [
                nn.Sequential(
                    _convolution(width, 2 * width, activation, norm, pool=2), Residual(2 * width, activation, norm)
                ),
                _convolution(2 * width, 4 * width, activation, norm, pool=2),
                nn.Sequential(
                    _convolution(4 * width, 8 * width, activation, norm, pool=2), Residual(8 * width, activation, norm)
                ),
            ]
        )
        self.spatial_dropout = nn.Dropout2d(spatial_dropout)
        self.head = head(target, 8 * width, pooling="max", dropout=dropout)

    def features(self, x: Tensor) -> Features:
        x = self.stem(x)
        for group in self.groups:
            x = self.spatial_dropout(group(x))
        return Features(x * self.output_scale)  # (B, D, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.stem, *self.groups, self.head]


class Residual(nn.Module):
    """x + convolution(convolution(x)), each with its norm and nonlinearity."""

    def __init__(self, channels: int, activation: Activation, norm: Norm) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(channels, channels, activation, norm), _convolution(channels, channels, activation, norm)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convolutions(x)


def _convolution(
    in_channels: int, out_channels: int, activation: Activation, norm: Norm, pool: int = 1
) -> nn.Sequential:
    return nn.Sequential(ConvNorm(in_channels, out_channels, 3, pool=pool, norm=norm), activation_layer(activation))
