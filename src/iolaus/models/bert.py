"""BERT: a transformer that reads in both directions, taught by words that were hidden from it (Devlin et al. 2019,
arXiv:1810.04805)."""

from functools import partial, singledispatch
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.attention import SelfAttention
from iolaus.layers.features import Features
from iolaus.layers.feedforward import FeedForward
from iolaus.layers.norms import SequenceLayerNorm
from iolaus.layers.pooling import MeanPool
from iolaus.layers.positions import LearnedPositions
from iolaus.layers.postnorm import PostNormBlock
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Classes, Number, Target, Text, Vector, Vocabulary

_STD = 0.02  # of initial weights
_EPSILON = 1e-12  # of the norms, as in the published weights


class BERT(nn.Module):
    """Word, place and segment in one vector; blocks with norms after each sum; a head for hidden words, or for what
    is asked of the text as a whole.

    dim: features per token. num_heads must divide it.
    feedforward_ratio: hidden features of the feed-forward layers, as a multiple of dim.
    dropout: on the embedded tokens, on the result of every layer, and on what the head reads.
    attention_dropout: on attention weights; null: as dropout. 0 lets a CPU compute attention in one piece.

    Raises:
        ValueError: for heads that do not divide dim.
    """

    reads: ClassVar[tuple[type, ...]] = (Text,)
    writes: ClassVar[tuple[type, ...]] = (Vocabulary, Classes, Number, Vector)

    def __init__(
        self,
        input: Text,
        target: Target,
        *,
        dim: Count = 128,
        num_layers: Count = 4,
        num_heads: Count = 4,
        feedforward_ratio: Positive = 4.0,
        activation: Activation = "gelu",
        dropout: Rate = 0.1,
        attention_dropout: Rate | None = None,
    ) -> None:
        super().__init__()
        self.embedding = Embedding(input, dim, dropout=dropout)
        self.blocks = nn.ModuleList(
            PostNormBlock(
                SelfAttention(dim, num_heads, dropout=dropout if attention_dropout is None else attention_dropout),
                FeedForward(dim, round(feedforward_ratio * dim), activation=activation),
                partial(SequenceLayerNorm, dim, _EPSILON),
                dropout=dropout,
            )
            for _ in range(num_layers)
        )
        self.head: nn.Module
        if isinstance(target, Vocabulary):
            self.head = HiddenWordsHead(dim, target.size, activation=activation)
        else:
            self.head = text_head(target, dim, reads_first=input.framed, dropout=dropout)
        self.apply(_initialize)

    def features(self, x: Tensor) -> Features:
        tokens = self.embedding(x)
        values = tokens.values  # (B, L, D)
        for block in self.blocks:
            values = block(values, tokens.mask)
        return tokens.with_values(values)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, *self.blocks, self.head]


class Embedding(nn.Module):
    """Token ids (B, L) → one vector each (B, L, D): of the word, of its place, and of the segment, always the first."""

    def __init__(self, input: Text, dim: int, *, dropout: float) -> None:
        super().__init__()
        self.pad = input.pad
        self.words = nn.Embedding(input.vocab_size, dim)
        self.positions = LearnedPositions(input.length, dim, std=_STD)
        self.segments = nn.Embedding(2, dim)
        self.norm = nn.LayerNorm(dim, _EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Features:
        tokens = self.positions(self.words(x)) + self.segments.weight[0]
        return Features(self.dropout(self.norm(tokens)), mask=x != self.pad, table=self.words.weight)


class HiddenWordsHead(nn.Module):
    """Features (B, L, D) → logits (B, L, V): one more layer, then the vectors of the words, and a bias for each."""

    def __init__(self, dim: int, size: int, *, activation: Activation) -> None:
        super().__init__()
        self.transform = nn.Linear(dim, dim)
        self.activation = activation_layer(activation)
        self.norm = nn.LayerNorm(dim, _EPSILON)
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, features: Features) -> Tensor:
        assert features.table is not None
        transformed = self.norm(self.activation(self.transform(features.values)))
        return F.linear(transformed, features.table, self.bias)


@singledispatch
def text_head(target: Any, dim: int, **options: Any) -> nn.Module:
    """What is asked of a text as a whole: its class, a number, a vector of length 1."""
    assert isinstance(target, Classes)
    return TextHead(dim, len(target.names), **options)


@text_head.register
def _(target: Number, dim: int, **options: Any) -> nn.Module:  # noqa: ARG001 - it is always one
    return NumberTextHead(dim, 1, **options)


@text_head.register
def _(target: Vector, dim: int, **options: Any) -> nn.Module:
    return VectorTextHead(dim, target.dim, **options)


class TextHead(nn.Module):
    """Features (B, L, D) → (B, size), from the first token, where it stands for the text; else from their mean."""

    def __init__(self, dim: int, size: int, *, reads_first: bool, dropout: float) -> None:
        super().__init__()
        self.reads_first = reads_first
        self.mean = MeanPool(dim)
        self.pooler = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(dim, size)

    def forward(self, features: Features) -> Tensor:
        text = features.values[:, 0] if self.reads_first else self.mean(features.values, features.mask)  # (B, D)
        return self.project(self.dropout(self.pooler(text).tanh()))


class NumberTextHead(TextHead):
    """Features (B, L, D) → (B,)."""

    def forward(self, features: Features) -> Tensor:
        return super().forward(features).squeeze(1)


class VectorTextHead(TextHead):
    """Features (B, L, D) → vectors of length 1 (B, size)."""

    def forward(self, features: Features) -> Tensor:
        return F.normalize(super().forward(features), dim=1)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=_STD)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
