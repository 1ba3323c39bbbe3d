"""The first layer of a sequence model: whatever the input is, it becomes a sequence of vectors (B, L, D).

`embed` chooses by the kind of input. A new kind is one more function registered with it.
"""

import math
import warnings
from functools import singledispatch
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.features import Features
from iolaus.layers.patches import (
    image_patch_size,
    num_patches_of_series,
    patches_of_images,
    patches_of_series,
    series_patch_size,
)
from iolaus.layers.positions import AttentionPositions, position_layer
from iolaus.layers.reversible import remove_level
from iolaus.spec import Image, Series, Text

PatchSize = int | Literal["whole"] | None

PATCH_POSITION_STD = 0.5  # about what patches have; with the usual 0.02, digits took several times as many epochs


class Embedding(nn.Module):
    """Input → `Features`.

    num_tokens: the most tokens a sequence can have.
    num_sequences: sequences per sample: the channels of a series where each is a sequence of its own, otherwise 1.
    std: about how large its tokens begin.
    """

    std: ClassVar[float] = PATCH_POSITION_STD

    def __init__(self, num_tokens: int, num_sequences: int = 1) -> None:
        super().__init__()
        self.num_tokens = num_tokens
        self.num_sequences = num_sequences

    def forward(self, x: Tensor) -> Features:
        raise NotImplementedError


@singledispatch
def embed(input: Any, dim: int, **options: Any) -> Embedding:  # noqa: ARG001 - what every kind may be given
    """The embedding for this kind of input. Options that mean nothing for it are warned of.

    positions: what tells tokens apart by their place.
    dropout: on the tokens.
    patch_size: pixels along a side, or steps, of a patch; "whole" makes one token of the whole input; None chooses by
        the size of the input: `image_patch_size`, `series_patch_size`.
    patch_stride: (series) steps from one patch to the next; None: half a patch, so that patches overlap.
    instance_norm: (series) takes away each window's level and scale, and the head puts them back; None: yes.
    channel_independent: (series) each channel becomes a sequence of its own (Nie et al. 2023); None: yes.
    """
    raise ValueError(
        f"no embedding for {type(input).__name__}: register one with iolaus.layers.embeddings.embed.register."
    )


@embed.register
def _(
    input: Text, dim: int, *, positions: AttentionPositions = "none", dropout: float = 0.0, **unused: Any
) -> Embedding:
    _warn_of_unused("text", unused)
    return TextEmbedding(input, dim, positions=positions, dropout=dropout)


@embed.register
def _(
    input: Image,
    dim: int,
    *,
    patch_size: PatchSize = None,
    positions: AttentionPositions = "none",
    dropout: float = 0.0,
    **unused: Any,
) -> Embedding:
    _warn_of_unused("pictures", unused)
    return ImageEmbedding(input, dim, patch_size=patch_size, positions=positions, dropout=dropout)


@embed.register
def _(
    input: Series,
    dim: int,
    *,
    patch_size: PatchSize = None,
    patch_stride: int | None = None,
    instance_norm: bool | None = None,
    channel_independent: bool | None = None,
    positions: AttentionPositions = "none",
    dropout: float = 0.0,
) -> Embedding:
    return SeriesEmbedding(
        input,
        dim,
        patch_size=patch_size,
        patch_stride=patch_stride,
        instance_norm=instance_norm is not False,
        channel_independent=channel_independent is not False,
        positions=positions,
        dropout=dropout,
    )


def _warn_of_unused(kind: str, options: dict[str, Any]) -> None:
    """Only of those that ask for something: None leaves the choice to us, False asks for nothing."""
    for name, value in options.items():
        if value not in (None, False, "whole"):
            warnings.warn(f"model.{name}={str(value).lower()} has no effect on {kind}.", stacklevel=2)


class TextEmbedding(Embedding):
    """Token ids (B, L) → one vector per token (B, L, D), and the mask of those that are not padding."""

    std = 0.02  # small, so that rare words start near silence; Radford et al. 2018 (GPT) use the same

    def __init__(self, input: Text, dim: int, *, positions: AttentionPositions = "none", dropout: float = 0.0) -> None:
        super().__init__(num_tokens=input.length)
        self.pad = input.pad
        self.table = nn.Embedding(input.vocab_size, dim)
        nn.init.normal_(self.table.weight, std=self.std)
        self.positions = position_layer(positions, input.length, dim, std=self.std)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, start: int = 0) -> Features:
        """`start`: the place of the first token, where those before it have been read already."""
        mask = x != self.pad
        tokens = self.dropout(self.positions(self.table(x), start))
        return Features(tokens, mask)


def grid_of(pictures: Image, patch: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches; those at the end may reach beyond the picture."""
    return math.ceil(pictures.height / patch[0]), math.ceil(pictures.width / patch[1])


class ImageEmbedding(Embedding):
    """Pictures (B, C, H, W) → one vector per patch, in reading order (Dosovitskiy et al. 2021, arXiv:2010.11929)."""

    def __init__(
        self,
        input: Image,
        dim: int,
        *,
        patch_size: PatchSize = None,
        positions: AttentionPositions = "none",
        dropout: float = 0.0,
    ) -> None:
        height, width = _patch_of_image(input, patch_size)
        grid = grid_of(input, (height, width))
        super().__init__(num_tokens=math.prod(grid))
        self.patch, self.grid = (height, width), grid
        self.project = nn.Linear(input.channels * height * width, dim)
        self.positions = position_layer(positions, self.num_tokens, dim, std=self.std)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Features:
        patches = patches_of_images(x, *self.patch)  # (B, L, C·height·width)
        return Features(self.dropout(self.positions(self.project(patches))))


class SeriesEmbedding(Embedding):
    """Windows (B, T, C) → one vector per patch of each channel (Nie et al. 2023, arXiv:2211.14730), or of all channels
    together."""

    def __init__(
        self,
        input: Series,
        dim: int,
        *,
        patch_size: PatchSize = None,
        patch_stride: int | None = None,
        instance_norm: bool = True,
        channel_independent: bool = True,
        positions: AttentionPositions = "none",
        dropout: float = 0.0,
    ) -> None:
        size, stride = _patch_of_series(input, patch_size, patch_stride)
        num_sequences = input.channels if channel_independent else 1
        super().__init__(num_patches_of_series(input.length, size, stride), num_sequences)
        self.patch = size, stride
        self.instance_norm = instance_norm
        self.channel_independent = channel_independent
        self.project = nn.Linear(size * input.channels // num_sequences, dim)
        self.positions = position_layer(positions, self.num_tokens, dim, std=self.std)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Features:
        level, scale = None, None
        if self.instance_norm:
            x, level, scale = remove_level(x)
        if self.channel_independent:
            x = x.transpose(1, 2).flatten(0, 1).unsqueeze(2)  # (B, T, C) → (B·C, T, 1)
        patches = patches_of_series(x, *self.patch)  # (B, L, size) or, with channels together, (B, L, C·size)
        return Features(self.dropout(self.positions(self.project(patches))), None, level, scale)


def _patch_of_image(input: Image, size: PatchSize) -> tuple[int, int]:
    if size == "whole":
        return input.height, input.width
    side = size or image_patch_size(input.height, input.width)
    if side > max(input.height, input.width):
        raise ValueError(
            f"model.patch_size={side} is larger than the pictures of {input.height}×{input.width} pixels: "
            f"type model.patch_size={image_patch_size(input.height, input.width)}."
        )
    return side, side


def _patch_of_series(input: Series, size: PatchSize, stride: int | None) -> tuple[int, int]:
    if size == "whole":
        return input.length, input.length
    size = size or series_patch_size(input.length)
    if size > input.length:
        raise ValueError(
            f"model.patch_size={size} is longer than the window of {input.length} steps: "
            f"type model.patch_size={series_patch_size(input.length)}."
        )
    stride = stride or max(1, size // 2)
    if stride > size:
        raise ValueError(f"model.patch_stride={stride} skips steps between patches of {size}: type {size} or less.")
    return size, stride
