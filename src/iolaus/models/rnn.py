"""Recurrent networks, which read token by token: Elman's RNN, the LSTM and the GRU."""

import warnings
from typing import Any, ClassVar

from torch import Tensor, nn

from iolaus.layers.embeddings import embed
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.pooling import Pooling
from iolaus.layers.recurrence import Cell, Recurrence
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Series, Target, Text


class Recurrent(nn.Module):
    """What the three have in common: an embedding, recurrent layers with some cell, a head.

    dim: features per token; with both directions, half of them from each.
    num_layers, bidirectional, dropout: of the recurrent layers; dropout also on embedded tokens and before the head.
    pooling: None: the mean of the states for classes; for forecasts all of them side by side.
    patch_size: (pictures, series) None chooses by the input: 2×2 pixels of 8×8, 4×4 of 32×32, 16 steps of 336.
    patch_stride, instance_norm, channel_independent: (series) None: half a patch, yes, yes.

    Raises:
        ValueError: for an odd dim with two directions, or patches larger than the input.
    """

    reads: ClassVar[tuple[type, ...]] = (Image, Text, Series)
    cell: ClassVar[Cell]

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        dim: Count = 128,
        num_layers: Count = 1,
        bidirectional: bool = True,
        dropout: Rate = 0.1,
        pooling: Pooling | None = None,
        patch_size: Count | None = None,
        patch_stride: Count | None = None,
        instance_norm: bool | None = None,
        channel_independent: bool | None = None,
    ) -> None:
        super().__init__()
        if bidirectional and pooling == "last":
            warnings.warn(
                "model.pooling=last with model.bidirectional=true: read backwards, the last token comes first.",
                stacklevel=2,
            )
        self.embedding = embed(
            input,
            dim,
            patch_size=patch_size,
            patch_stride=patch_stride,
            instance_norm=instance_norm,
            channel_independent=channel_independent,
            dropout=dropout,
        )
        self.recurrence = Recurrence(
            self.cell, dim, num_layers=num_layers, bidirectional=bidirectional, dropout=dropout
        )
        self.head = head(
            target,
            dim,
            num_tokens=self.embedding.num_tokens,
            num_sequences=self.embedding.num_sequences,
            pooling=pooling,
            dropout=dropout,
        )

    @property
    def is_causal(self) -> bool:
        """Whether no token sees those after it."""
        return not self.recurrence.backwards

    def features(self, x: Tensor) -> Features:
        tokens = self.embedding(x)
        return tokens.with_values(self.recurrence(tokens.values, tokens.mask))

    def step(self, x: Tensor, state: tuple[Any, ...] | None = None) -> tuple[Tensor, tuple[Any, ...]]:
        """The next token of each text, x (B,) → logits (B, V) of the one after it; `state`: of those before.

        Only for text, read in one direction.
        """
        tokens = self.embedding(x[:, None])
        values, state = self.recurrence.step(tokens.values, state)
        return self.head(tokens.with_values(values)).squeeze(1), state

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, self.recurrence, self.head]


class RNN(Recurrent):
    """The state is tanh of the token and the state before it (Elman 1990, doi:10.1207/s15516709cog1402_1)."""

    cell = nn.RNN


class LSTM(Recurrent):
    """Gates rule what a memory takes in, keeps and shows (Hochreiter & Schmidhuber, doi:10.1162/neco.1997.9.8.1735)."""

    cell = nn.LSTM


class GRU(Recurrent):
    """Two gates on the state itself, with no memory beside it (Cho et al. 2014, arXiv:1406.1078)."""

    cell = nn.GRU
