"""Learned positions, for a model that reads texts or pictures of another size than their weights were learned from."""

import logging
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.embeddings import ImageEmbedding, SeriesEmbedding, grid_of
from iolaus.spec import Image

log = logging.getLogger(__name__)

_TABLE = "positions.table"


def with_fitting_positions(theirs: dict[str, Tensor], model: nn.Module, pictures: Image | None) -> dict[str, Tensor]:
    """The weights, with as many positions as the model has. Where there is no way to that, they stay as they are.

    pictures: those that the weights were learned from; None: square ones.

    Raises:
        ValueError: if the model reads longer texts than the weights know positions for.
    """
    ours = model.state_dict()
    return {
        name: _fitting(table, len(ours[name]), model, pictures)
        if name.endswith(_TABLE) and name in ours and table.shape[1:] == ours[name].shape[1:]
        else table
        for name, table in theirs.items()
    }


def _fitting(table: Tensor, length: int, model: nn.Module, pictures: Image | None) -> Tensor:
    for module in model.modules():
        if isinstance(module, ImageEmbedding):
            return _resized(table, length, module, pictures)
        if isinstance(module, SeriesEmbedding):
            return table  # the patches of another window lie elsewhere in time
    return _cut(table, length)


def _cut(table: Tensor, length: int) -> Tensor:
    """The first places of a text: they are the same, however long it is."""
    if len(table) < length:
        raise ValueError(
            f"init_from: the weights know {len(table)} positions, and the texts here have up to {length} tokens: "
            f"type data.length={len(table)}."
        )
    return table[:length]


def _resized(table: Tensor, length: int, patches: ImageEmbedding, pictures: Image | None) -> Tensor:
    """A grid of places, from the other one by interpolation (Dosovitskiy et al. 2021, section 3.2).

    Positions of a class token stand before it, and stay.
    """
    new = patches.grid
    num_before = length - math.prod(new)
    old = grid_of(pictures, patches.patch) if pictures else (math.isqrt(max(0, len(table) - num_before)),) * 2
    if old == new or len(table) != num_before + math.prod(old):
        return table
    log.info("init_from: the positions of %d×%d patches are resized to %d×%d", *old, *new)
    places = table[num_before:].T.unflatten(1, old).unsqueeze(0)  # (1, D, rows, columns)
    places = F.interpolate(places, size=new, mode="bicubic", align_corners=False)
    return torch.cat([table[:num_before], places[0].flatten(1).T])
