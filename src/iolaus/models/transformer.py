"""The transformer encoder, for words (Vaswani et al. 2017, arXiv:1706.03762), patches of pictures (ViT: Dosovitskiy et
al. 2021, arXiv:2010.11929) and patches of series (PatchTST: Nie et al. 2023, arXiv:2211.14730)."""

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
from iolaus.layers.pooling import Pooling
from iolaus.layers.positions import AttentionPositions, RelativePositions, RotaryPositions
from iolaus.layers.prenorm import PreNormBlock
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Image, Input, Series, Target, Text

BlockNorm = Literal[
    "layer", "rms", "batch", "adaptive"
]  # batch: what Zerveas et al. 2021 (arXiv:2010.02803) and PatchTST chose


class Transformer(nn.Module):
    """Pre-norm blocks of self-attention and feed-forward layers; a final norm; a head.

    dim: features per token. num_heads must divide it.
    feedforward_ratio: hidden features of the feed-forward layers, as a multiple of dim.
    positions: learned or sinusoidal vectors that are added to the tokens; or told in attention, rotary or relative.
    dropout: on the embedded tokens and on the result of every layer. head_dropout: on what the head reads.
    pooling: None: the mean for classes; for forecasts all tokens side by side.
    patch_size: (pictures, series) None chooses by the input: 2×2 pixels of 8×8, 4×4 of 32×32, 16 steps of 336.
    patch_stride, instance_norm, channel_independent: (series) None: half a patch, yes, yes, as in PatchTST.

    Raises:
        ValueError: for heads that do not divide dim, or patches larger than the input.
    """

    reads: ClassVar[tuple[type, ...]] = (Image, Text, Series)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        dim: Count = 128,
        num_layers: Count = 4,
        num_heads: Count = 4,
        feedforward_ratio: Positive = 4.0,
        activation: Activation = "gelu",
        norm: BlockNorm = "layer",
        dropout: Rate = 0.1,
        head_dropout: Rate = 0.0,
        positions: AttentionPositions = "learned",
        pooling: Pooling | None = None,
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
            positions=positions,
            dropout=dropout,
        )
        self.relative = RelativePositions(num_heads) if positions == "relative" else None
        self.blocks = nn.ModuleList(
            PreNormBlock(
                SelfAttention(
                    dim, num_heads, rotary=RotaryPositions(dim // num_heads) if positions == "rotary" else None
                ),
                FeedForward(dim, round(feedforward_ratio * dim), activation=activation, dropout=dropout),
                partial(norm_layer, norm, dim),
                dropout=dropout,
            )
            for _ in range(num_layers)
        )
        self.norm = norm_layer(norm, dim)
        self.head = head(
            target,
            dim,
            num_tokens=self.embedding.num_tokens,
            num_sequences=self.embedding.num_sequences,
            pooling=pooling,
            dropout=head_dropout,
        )

    def features(self, x: Tensor) -> Features:
        tokens = self.embedding(x)
        values = tokens.values  # (B, L, D)
        bias = None if self.relative is None else self.relative(values.shape[1])  # (N, L, L)
        for block in self.blocks:
            values = block(values, tokens.mask, bias)
        return tokens.with_values(self.norm(values, tokens.mask))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        relative = [] if self.relative is None else [self.relative]
        return [self.embedding, *relative, *self.blocks, self.norm, self.head]
