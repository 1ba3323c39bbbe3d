"""A convolutional network for sentences, and for series."""

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.embeddings import embed
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm, norm_layer
from iolaus.layers.pooling import Pooling
from iolaus.ranges import Count, Rate
from iolaus.spec import Classes, Forecast, Input, Number, Series, Target, Text, Vector


class TextCNN(nn.Module):
    """Filters that see 3, 4 and 5 tokens, and of each its strongest response anywhere (Kim 2014, arXiv:1408.5882).

    dim: features per token. num_filters: of each width. widths: tokens that a filter sees.
    dropout: on what the head reads. spatial_dropout: of whole features of the embedded tokens, in all places at once.
    patch_size: (series) None chooses by the input: 16 steps of 336.
    patch_stride, instance_norm, channel_independent: (series) None: half a patch, yes, yes.
    """

    reads: ClassVar[tuple[type, ...]] = (Text, Series)
    writes: ClassVar[tuple[type, ...]] = (Classes, Number, Vector, Forecast)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        dim: Count = 128,
        num_filters: Count = 100,
        widths: Sequence[Count] = (3, 4, 5),
        activation: Activation = "relu",
        norm: Norm = "none",
        dropout: Rate = 0.5,
        spatial_dropout: Rate = 0.0,
        pooling: Pooling = "max",
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
        )
        self.spatial_dropout = nn.Dropout1d(spatial_dropout)
        self.filters = nn.ModuleList(Filters(dim, num_filters, width) for width in widths)
        self.norm = norm_layer(norm, num_filters * len(widths))
        self.activation = activation_layer(activation)
        self.head = head(
            target,
            num_filters * len(widths),
            num_tokens=self.embedding.num_tokens,
            num_sequences=self.embedding.num_sequences,
            pooling=pooling,
            dropout=dropout,
        )

    def features(self, x: Tensor) -> Features:
        tokens = self.embedding(x)
        values = self.spatial_dropout(tokens.values.transpose(1, 2)).transpose(1, 2)  # (B, L, D)
        if tokens.mask is not None:
            values = values * tokens.mask.unsqueeze(2)  # a filter at the last word sees silence after it
        responses = torch.cat([filters(values) for filters in self.filters], dim=2)  # (B, L, filters · widths)
        return tokens.with_values(self.activation(self.norm(responses, tokens.mask)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, self.filters, self.norm, self.head]


class Filters(nn.Module):
    """Convolution over tokens, (B, L, D) → (B, L, num_filters): one response per token however short the text."""

    def __init__(self, dim: int, num_filters: int, width: int) -> None:
        super().__init__()
        self.sides = (width - 1) // 2, width // 2
        self.conv = nn.Conv1d(dim, num_filters, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x.transpose(1, 2), self.sides)).transpose(1, 2)
