"""iTransformer: a transformer turned on its side, whose tokens are the channels of a series."""

from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.attention import SelfAttention
from iolaus.layers.channels import channel_windows
from iolaus.layers.features import Features
from iolaus.layers.feedforward import FeedForward
from iolaus.layers.heads import head
from iolaus.layers.norms import norm_layer
from iolaus.layers.postnorm import PostNormBlock
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Series, Target


class ITransformer(nn.Module):
    """A linear layer makes one token of each channel's window; blocks relate the channels; another forecasts each.

    Liu et al. 2024, arXiv:2310.06625, figure 4. Channels have no positions: in another order they get the same
    forecasts in that order.

    dim: features per channel. num_heads must divide it.
    feedforward_ratio: hidden features of the feed-forward layers, as a multiple of dim.
    dropout: on the embedded channels, on attention weights and on the result of every layer.
    instance_norm: sees each window without its own level and scale.

    Raises:
        ValueError: for heads that do not divide dim.
    """

    reads: ClassVar[tuple[type, ...]] = (Series,)

    def __init__(
        self,
        input: Series,
        target: Target,
        *,
        dim: Count = 256,
        num_layers: Count = 2,
        num_heads: Count = 8,
        feedforward_ratio: Positive = 1.0,
        activation: Activation = "gelu",
        dropout: Rate = 0.1,
        instance_norm: bool = True,
    ) -> None:
        super().__init__()
        self.num_channels = input.channels
        self.instance_norm = instance_norm
        self.embedding = nn.Sequential(nn.Linear(input.length, dim), nn.Dropout(dropout))
        self.blocks = nn.ModuleList(
            PostNormBlock(
                SelfAttention(dim, num_heads, dropout=dropout),
                FeedForward(dim, round(feedforward_ratio * dim), activation=activation, dropout=dropout),
                partial(norm_layer, "layer", dim),
                dropout=dropout,
            )
            for _ in range(num_layers)
        )
        self.norm = norm_layer("layer", dim)
        self.head = head(target, dim, num_sequences=input.channels)

    def features(self, x: Tensor) -> Features:
        windows = channel_windows(x, without="mean" if self.instance_norm else "none")  # values (B·C, 1, T)
        values = self.embedding(windows.values).view(len(x), self.num_channels, -1)  # (B, C, D)
        for block in self.blocks:
            values = block(values)
        return windows.with_values(self.norm(values).flatten(0, 1).unsqueeze(1))  # (B·C, 1, D)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, *self.blocks, self.norm, self.head]
