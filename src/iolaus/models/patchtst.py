"""PatchTST: a series is worth as many words as it has patches, and each channel is a text of its own."""

from functools import partial
from typing import ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.attention import SelfAttention
from iolaus.layers.embeddings import embed
from iolaus.layers.features import Features
from iolaus.layers.feedforward import FeedForward
from iolaus.layers.heads import head
from iolaus.layers.norms import norm_layer
from iolaus.layers.positions import Positions
from iolaus.layers.postnorm import PostNormBlock
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Series, Target


class PatchTST(nn.Module):
    """Overlapping patches of each channel → transformer blocks with batch norm → one linear layer on all of them.

    Nie et al. 2023, arXiv:2211.14730, figure 1. The attention is the plain one that the paper describes; its code also
    adds to each block's scores those of the block before.

    dim: features per patch. num_heads must divide it.
    feedforward_ratio: hidden features of the feed-forward layers, as a multiple of dim.
    dropout: on the embedded patches and on the result of every layer. head_dropout: on what the head reads.
    patch_size: steps; None: 16, or fewer in windows of less than 64. patch_stride: from patch to patch; None: half.
    instance_norm: sees each window without its own level and scale.
    channel_independent: false mixes the channels in every patch, which the paper's appendix compares.

    Raises:
        ValueError: for heads that do not divide dim, or patches larger than the window.
    """

    reads: ClassVar[tuple[type, ...]] = (Series,)

    def __init__(
        self,
        input: Series,
        target: Target,
        *,
        dim: Count = 128,
        num_layers: Count = 3,
        num_heads: Count = 16,
        feedforward_ratio: Positive = 2.0,
        activation: Activation = "gelu",
        norm: Literal["batch", "layer", "rms"] = "batch",
        dropout: Rate = 0.2,
        head_dropout: Rate = 0.0,
        positions: Positions = "learned",
        patch_size: Count | None = None,
        patch_stride: Count | None = None,
        instance_norm: bool = True,
        channel_independent: bool = True,
    ) -> None:
        super().__init__()
        self.embedding = embed(
            input,
            dim,
            patch_size=patch_size,
            patch_stride=patch_stride,
            instance_norm=instance_norm,
            channel_independent=channel_independent,
            positions=positions,
            dropout=dropout,
        )
        self.blocks = nn.ModuleList(
            PostNormBlock(
                SelfAttention(dim, num_heads),
                FeedForward(dim, round(feedforward_ratio * dim), activation=activation, dropout=dropout),
                partial(norm_layer, norm, dim),
                dropout=dropout,
            )
            for _ in range(num_layers)
        )
        self.head = head(
            target,
            dim,
            num_tokens=self.embedding.num_tokens,
            num_sequences=self.embedding.num_sequences,
            pooling="flatten",
            dropout=head_dropout,
        )

    def features(self, x: Tensor) -> Features:
        patches = self.embedding(x)
        values = patches.values  # (B·C, L, D)
        for block in self.blocks:
            values = block(values)
        return patches.with_values(values)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, *self.blocks, self.head]
