"""Any stack of layers, written down as a list."""

import warnings
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from iolaus.layers.embeddings import Embedding, embed
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.parts import Maps, Shape, Tokens
from iolaus.layers.pooling import Pooling
from iolaus.layers.stack import Entry, build_stack
from iolaus.ranges import Count, Rate
from iolaus.spec import Classes, Forecast, Image, Input, Number, Series, Target, Text, Vector

_DIM = 64
_LAYERS: tuple[Entry, ...] = (
    {"convolution": 32},
    {"norm": "batch"},
    {"activation": "relu"},
    {"pooling": 2},
    {"residual": [{"convolution": 32}, {"norm": "batch"}, {"activation": "relu"}]},
)


class Sequential(nn.Module):
    """The layers of a list, one after the other, and a head. Sizes follow from the data.

    Pictures go in as feature maps, texts and series as tokens; layers do what is usual with either.

    layers: in order; each is the name of a layer, with its options beside it: `linear`, `convolution`, `pooling`,
        `recurrent`, `attention`, `positions`, `norm`, `activation`, `dropout`, `spatial_dropout`, `residual` (a list of
        layers, whose result is added), `tokens` (each place of a map becomes a token) and `flatten`.
    dim: (text, series) features per token, before the first layer; None: 64.
    pooling: None: the mean for classes; for forecasts all tokens side by side.
    dropout: on what the head reads.
    patch_size: (series) None chooses by the input: 16 steps of 336.
    patch_stride, instance_norm, channel_independent: (series) None: half a patch, yes, yes.

    Raises:
        ValueError: for a layer that does not exist, or does not fit what comes before it.
    """

    reads: ClassVar[tuple[type, ...]] = (Image, Text, Series)
    writes: ClassVar[tuple[type, ...]] = (Classes, Number, Vector, Forecast)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        layers: Sequence[Entry] = _LAYERS,
        dim: Count | None = None,
        pooling: Pooling | None = None,
        dropout: Rate = 0.0,
        patch_size: Count | None = None,
        patch_stride: Count | None = None,
        instance_norm: bool | None = None,
        channel_independent: bool | None = None,
    ) -> None:
        super().__init__()
        options = {
            "patch_size": patch_size,
            "patch_stride": patch_stride,
            "instance_norm": instance_norm,
            "channel_independent": channel_independent,
        }
        self.embedding: Embedding | None = None
        shape: Shape
        if isinstance(input, Image):
            for name, value in {"dim": dim, **options}.items():
                if value:
                    warnings.warn(f"model.{name}={str(value).lower()} has no effect on pictures.", stacklevel=2)
            shape = Maps(input.channels, input.height, input.width)
        else:
            self.embedding = embed(input, dim or _DIM, **options)
            shape = Tokens(self.embedding.num_tokens, dim or _DIM, self.embedding.std)
        self.parts, shape = build_stack(layers, shape, path="model.layers")
        features, num_tokens = (
            (shape.channels, shape.height * shape.width) if isinstance(shape, Maps) else (shape.dim, shape.length)
        )
        self.head = head(
            target,
            features,
            num_tokens=num_tokens,
            num_sequences=1 if self.embedding is None else self.embedding.num_sequences,
            pooling=pooling,
            dropout=dropout,
        )

    def features(self, x: Tensor) -> Features:
        tokens = Features(x) if self.embedding is None else self.embedding(x)
        values, mask = tokens.values, tokens.mask
        for part in self.parts:
            values, mask = part(values, mask)
        return tokens._replace(values=values, mask=mask)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        """Those of its parts that have weights."""
        parts = [*self.parts] if self.embedding is None else [self.embedding, *self.parts]
        return [*(part for part in parts if any(True for _ in part.parameters())), self.head]
