"""The Vision Transformer (Dosovitskiy et al. 2021, "An image is worth 16×16 words", arXiv:2010.11929)."""

from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.attention import SelfAttention
from iolaus.layers.drop_path import drop_path_rates
from iolaus.layers.embeddings import PATCH_POSITION_STD, embed
from iolaus.layers.features import Features
from iolaus.layers.feedforward import FeedForward
from iolaus.layers.heads import head
from iolaus.layers.norms import Norm, NormOfTokens, SequenceLayerNorm, norm_layer
from iolaus.layers.positions import Positions, position_layer
from iolaus.layers.prenorm import PreNormBlock
from iolaus.layers.sizes import warn_if_overruled
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Image, Input, Target

Size = Literal["tiny", "small", "base", "large"]

# By size: features per token, blocks, heads. Tiny and small are those of Touvron et al. 2021 (DeiT, arXiv:2012.12877).
_SIZES: dict[str, tuple[int, int, int]] = {
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
}


_EPSILON = 1e-6  # of layer norms, as in the paper's code


class ViT(nn.Module):
    """Patches and a class token, their positions, pre-norm transformer blocks, a norm, a linear layer: figure 1.

    size: tiny, small, base or large, which set the three that follow.
    dim, num_layers, num_heads: features per token, blocks, heads; None: as the size has them.
    feedforward_ratio: hidden features of the feed-forward layers, as a multiple of dim.
    patch_size: pixels along a side; None: by the picture: 16 for 224×224, 4 for 32×32, 2 for 8×8.
    pooling: class reads the class token; mean has none, and averages the patches (Zhai et al. 2022, arXiv:2106.04560).
    dropout: on the embedded tokens and on the result of every layer. head_dropout: on what the head reads.
    drop_path: how often the last block's branches are left out; earlier ones less, evenly down to 0.

    Raises:
        ValueError: for heads that do not divide dim, or patches larger than the picture.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        size: Size = "tiny",
        dim: Count | None = None,
        num_layers: Count | None = None,
        num_heads: Count | None = None,
        feedforward_ratio: Positive = 4.0,
        patch_size: Count | None = None,
        activation: Activation = "gelu",
        norm: NormOfTokens = "layer",
        positions: Positions = "learned",
        pooling: Literal["class", "mean"] = "class",
        dropout: Rate = 0.1,
        head_dropout: Rate = 0.0,
        drop_path: Rate = 0.0,
    ) -> None:
        super().__init__()
        warn_if_overruled(size, "tiny", dim=dim, num_layers=num_layers, num_heads=num_heads)
        size_dim, size_layers, size_heads = _SIZES[size]
        dim, num_layers, num_heads = dim or size_dim, num_layers or size_layers, num_heads or size_heads
        self.patches = embed(input, dim, patch_size=patch_size)
        self.begin = ClassToken(
            self.patches.num_tokens, dim, with_token=pooling == "class", positions=positions, dropout=dropout
        )
        self.blocks = nn.ModuleList(
            PreNormBlock(
                SelfAttention(dim, num_heads),
                FeedForward(dim, round(feedforward_ratio * dim), activation=activation, dropout=dropout),
                partial(_norm, norm, dim),
                dropout=dropout,
                drop_path=rate,
            )
            for rate in drop_path_rates(drop_path, num_layers)
        )
        self.norm = _norm(norm, dim)
        self.head = head(target, dim, pooling="first" if pooling == "class" else "mean", dropout=head_dropout)

    def features(self, x: Tensor) -> Features:
        x = self.begin(self.patches(x).values)  # (B, 1 + L, D)
        for block in self.blocks:
            x = block(x)
        return Features(self.norm(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.patches, self.begin, *self.blocks, self.norm, self.head]


class ClassToken(nn.Module):
    """Puts a learned token before the patches, and tells all by their positions: (B, L, D) → (B, 1 + L, D)."""

    def __init__(self, num_patches: int, dim: int, *, with_token: bool, positions: Positions, dropout: float) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, dim) * 0.02) if with_token else None
        self.positions = position_layer(positions, num_patches + with_token, dim, std=PATCH_POSITION_STD)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.token is not None:
            x = torch.cat([self.token.expand(len(x), 1, -1), x], dim=1)
        return self.dropout(self.positions(x))


def _norm(norm: Norm, dim: int) -> nn.Module:
    return SequenceLayerNorm(dim, _EPSILON) if norm == "layer" else norm_layer(norm, dim)
