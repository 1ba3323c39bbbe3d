"""The temporal convolutional network: dilated convolutions that see the past alone."""

import warnings
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm as with_weight_norm

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.embeddings import embed
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.pooling import Pooling
from iolaus.ranges import Count, Rate
from iolaus.spec import Classes, Forecast, Image, Input, Number, Series, Target, Text, Vector


class TCN(nn.Module):
    """Residual blocks of two causal convolutions, whose dilation doubles from block to block (Bai et al. 2018,
    arXiv:1803.01271, figure 1).

    dim: features per token; the embedding makes as many, so no residual needs the figure's 1×1 convolution.
    num_layers: blocks. kernel_size: tokens that a convolution sees, `receptive_field` what all of them see.
    dropout: on the embedded tokens and, whole features at a time, after every convolution.
    weight_norm: length and direction of every filter are learned apart (Salimans & Kingma 2016, arXiv:1602.07868).
    pooling: the last token has seen all before it.
    patch_size: (pictures, series) None chooses by the input: 2×2 pixels of 8×8, 4×4 of 32×32, 16 steps of 336.
    patch_stride, instance_norm, channel_independent: (series) None: half a patch, yes, yes.

    Raises:
        ValueError: for patches larger than the input.
    """

    reads: ClassVar[tuple[type, ...]] = (Image, Text, Series)
    writes: ClassVar[tuple[type, ...]] = (Classes, Number, Vector, Forecast)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        dim: Count = 64,
        num_layers: Count = 4,
        kernel_size: Count = 7,
        activation: Activation = "relu",
        dropout: Rate = 0.1,
        weight_norm: bool = True,
        pooling: Pooling = "last",
        patch_size: Count | None = None,
        patch_stride: Count | None = None,
        instance_norm: bool | None = None,
        channel_independent: bool | None = None,
    ) -> None:
        super().__init__()
        self.embedding = embed(
            input,
            dim,
            patch_size=patch_size,
            patch_stride=patch_stride,
            instance_norm=instance_norm,
            channel_independent=channel_independent,
            dropout=dropout,
        )
        seen = receptive_field(num_layers, kernel_size)
        if pooling == "last" and seen < self.embedding.num_tokens:
            warnings.warn(
                f"model.num_layers={num_layers} model.kernel_size={kernel_size}: the last token sees {seen} of up to "
                f"{self.embedding.num_tokens} tokens.",
                stacklevel=2,
            )
        self.blocks = nn.ModuleList(
            Block(dim, kernel_size, 2**number, activation=activation, dropout=dropout, weight_norm=weight_norm)
            for number in range(num_layers)
        )
        self.head = head(
            target,
            dim,
            num_tokens=self.embedding.num_tokens,
            num_sequences=self.embedding.num_sequences,
            pooling=pooling,
        )

    def features(self, x: Tensor) -> Features:
        tokens = self.embedding(x)
        values = tokens.values.transpose(1, 2)  # (B, D, L)
        for block in self.blocks:
            values = block(values)
        return tokens.with_values(values.transpose(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, *self.blocks, self.head]


def receptive_field(num_layers: int, kernel_size: int) -> int:
    """How many tokens, itself included, one at the end has seen."""
    return 1 + 2 * (kernel_size - 1) * (2**num_layers - 1)


class Block(nn.Module):
    """(B, D, L) → (B, D, L): two times convolution, activation, dropout; their input is added; activation."""

    def __init__(
        self, dim: int, kernel_size: int, dilation: int, *, activation: Activation, dropout: float, weight_norm: bool
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            CausalConvolution(dim, kernel_size, dilation, weight_norm=weight_norm) for _ in range(2)
        )
        self.activation = activation_layer(activation)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        residual = x
        for convolution in self.convolutions:
            residual = self.dropout(self.activation(convolution(residual)))
        return self.activation(x + residual)


class CausalConvolution(nn.Module):
    """Each step sees itself and `kernel_size` - 1 before it, `dilation` apart; before the first there is silence."""

    def __init__(self, dim: int, kernel_size: int, dilation: int, *, weight_norm: bool) -> None:
        super().__init__()
        self.margin = (kernel_size - 1) * dilation
        conv = nn.Conv1d(dim, dim, kernel_size, dilation=dilation)
        self.conv = with_weight_norm(conv) if weight_norm else conv

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (self.margin, 0)))
