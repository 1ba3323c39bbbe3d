"""The last layer of a model: from its features to what the target asks for.

`head` chooses by the kind of target. A new kind is one more function registered with it.
"""

import warnings
from functools import singledispatch
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.adaptive_softmax import AdaptiveHead
from iolaus.layers.features import Features
from iolaus.layers.pooling import Pool, Pooling, pooling_layer
from iolaus.layers.reversible import restore_level
from iolaus.spec import Classes, Forecast, Number, Vector, Vocabulary


@singledispatch
def head(target: Any, dim: int, **options: Any) -> nn.Module:  # noqa: ARG001 - what every kind may be given
    """The head for this kind of target, for features of `dim`.

    num_tokens, num_sequences: as the embedding says; a head on feature maps needs neither.
    pooling: how tokens become one vector; None: all of them side by side for forecasts, else their mean.
    dropout: on that vector.
    """
    raise ValueError(f"no head for {type(target).__name__}: register one with iolaus.layers.heads.head.register.")


@head.register
def _(
    target: Classes,
    dim: int,
    *,
    num_tokens: int = 1,
    num_sequences: int = 1,
    pooling: Pooling | None = None,
    dropout: float = 0.0,
) -> nn.Module:
    pool = pooling_layer(pooling or "mean", dim, num_tokens)
    return PooledHead(pool, len(target.names), num_sequences=num_sequences, dropout=dropout)


@head.register
def _(
    target: Number,  # noqa: ARG001 - it is always one
    dim: int,
    *,
    num_tokens: int = 1,
    num_sequences: int = 1,
    pooling: Pooling | None = None,
    dropout: float = 0.0,
) -> nn.Module:
    pool = pooling_layer(pooling or "mean", dim, num_tokens)
    return NumberHead(pool, 1, num_sequences=num_sequences, dropout=dropout)


@head.register
def _(
    target: Vector,
    dim: int,
    *,
    num_tokens: int = 1,
    num_sequences: int = 1,
    pooling: Pooling | None = None,
    dropout: float = 0.0,
) -> nn.Module:
    pool = pooling_layer(pooling or "mean", dim, num_tokens)
    return VectorHead(pool, target.dim, num_sequences=num_sequences, dropout=dropout)


@head.register
def _(
    target: Forecast,
    dim: int,
    *,
    num_tokens: int = 1,
    num_sequences: int = 1,
    pooling: Pooling | None = None,
    dropout: float = 0.0,
) -> nn.Module:
    pool = pooling_layer(pooling or "flatten", dim, num_tokens)
    return ForecastHead(pool, target, num_sequences=num_sequences, dropout=dropout)


@head.register
def _(
    target: Vocabulary,
    dim: int,
    *,
    num_tokens: int = 1,  # noqa: ARG001 - every place has a token of its own
    num_sequences: int = 1,  # noqa: ARG001
    pooling: Pooling | None = None,
    dropout: float = 0.0,
) -> nn.Module:
    if pooling is not None:
        warnings.warn(f"model.pooling={pooling} has no effect where every place has a token to name.", stacklevel=2)
    kind = AdaptiveHead if target.softmax == "adaptive" else VocabularyHead
    return kind(dim, target.size, dropout=dropout)


class PooledHead(nn.Module):
    """Features → (B, size), such as the logits of classes. The sequences of a sample are seen together."""

    def __init__(self, pool: Pool, size: int, *, num_sequences: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_sequences = num_sequences
        self.pool = pool
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(num_sequences * pool.output_dim, size)

    def vectors(self, features: Features) -> Tensor:
        """What the last layer reads of each sample: (B, D)."""
        pooled = self.pool(features.values, features.mask)  # (B·S, D)
        return self.dropout(pooled.unflatten(0, (-1, self.num_sequences)).flatten(1))  # (B, S·D)

    def forward(self, features: Features) -> Tensor:
        return self.project(self.vectors(features))


class NumberHead(PooledHead):
    """Features → (B,)."""

    def forward(self, features: Features) -> Tensor:
        return super().forward(features).squeeze(1)


class VectorHead(PooledHead):
    """Features → vectors of length 1 (B, size), as Schroff et al. 2015 (arXiv:1503.03832) compare them."""

    def forward(self, features: Features) -> Tensor:
        return F.normalize(super().forward(features), dim=1)


class ForecastHead(nn.Module):
    """Features → (B, horizon, channels). Where each channel was a sequence of its own, it is forecast from that alone.

    Raises:
        ValueError: if the target's channels cannot be those of the sequences.
    """

    def __init__(self, pool: Pool, target: Forecast, *, num_sequences: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        if num_sequences not in (1, target.channels):
            raise ValueError(
                f"{num_sequences} channels go in and {target.channels} are to be forecast, so none can be forecast "
                "from itself alone: type model.channel_independent=false model.instance_norm=false."
            )
        self.channels, self.horizon = target.channels, target.horizon
        self.pool = pool
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(pool.output_dim, target.horizon * target.channels // num_sequences)

    def forward(self, features: Features) -> Tensor:
        pooled = self.dropout(self.pool(features.values, features.mask))  # (B·S, D)
        steps = self.project(pooled).unflatten(1, (-1, self.horizon))  # (B·S, C/S, horizon)
        forecast = steps.flatten(0, 1).unflatten(0, (-1, self.channels)).transpose(1, 2)  # (B, horizon, C)
        if features.level is None or features.scale is None:
            return forecast
        return restore_level(forecast, features.level, features.scale)


class VocabularyHead(nn.Module):
    """Features (B, L, D) → logits (B, L, V): which token each place has."""

    def __init__(self, dim: int, size: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(dim, size)

    def forward(self, features: Features) -> Tensor:
        return self.project(self.dropout(features.values))


class TiedHead(nn.Module):
    """Features (B, L, D) → logits (B, L, V): how well each token's own vector fits (Press & Wolf 2017,
    arXiv:1608.05859). `scale`: of the features."""

    def __init__(self, *, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, features: Features) -> Tensor:
        assert features.table is not None
        return F.linear(features.values * self.scale, features.table)
