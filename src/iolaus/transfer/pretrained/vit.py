"""What the published ViT calls what ours calls otherwise."""

import math
import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from iolaus.transfer.pretrained.preprocessing import FILE as FILE
from iolaus.transfer.pretrained.preprocessing import fitted as fitted

_BLOCK = r"(?:encoder\.layer|layers)\.(\d+)"  # the hub's files, and what newer versions of the library write
_PARTS = {"q_proj": "query", "k_proj": "key", "v_proj": "value"}
_NAMES = (
    (r"embeddings\.cls_token", "begin.token"),
    (r"embeddings\.position_embeddings", "begin.positions.table"),
    (r"embeddings\.patch_embeddings\.projection\.(\w+)", r"patches.project.\1"),
    (
        rf"{_BLOCK}\.attention\.(?:attention\.)?(query|key|value|q_proj|k_proj|v_proj)\.(\w+)",
        r"blocks.\1.attention.\2.\3",
    ),
    (rf"{_BLOCK}\.attention\.(?:output\.dense|o_proj)\.(\w+)", r"blocks.\1.attention.output.\2"),
    (rf"{_BLOCK}\.layernorm_before\.(\w+)", r"blocks.\1.attention_norm.\2"),
    (rf"{_BLOCK}\.layernorm_after\.(\w+)", r"blocks.\1.feedforward_norm.\2"),
    (rf"{_BLOCK}\.(?:intermediate\.dense|mlp\.fc1)\.(\w+)", r"blocks.\1.feedforward.expand.\2"),
    (rf"{_BLOCK}\.(?:output\.dense|mlp\.fc2)\.(\w+)", r"blocks.\1.feedforward.contract.\2"),
    (r"layernorm\.(\w+)", r"norm.\1"),
    (r"classifier\.(\w+)", r"head.project.\1"),
)
_SIZES = {(192, 12, 3): "tiny", (384, 12, 6): "small", (768, 12, 12): "base", (1024, 24, 16): "large"}
_TABLE = "begin.positions.table"


def options(config: dict[str, Any]) -> dict[str, Any]:
    """Of our ViT, for weights with this config.json."""
    parts = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    size = (
        {"size": _SIZES[parts]}
        if parts in _SIZES
        else dict(zip(("dim", "num_layers", "num_heads"), parts, strict=True))
    )
    return size | {
        "feedforward_ratio": config["intermediate_size"] / config["hidden_size"],
        "patch_size": config["patch_size"],
        "activation": config["hidden_act"],
        "norm": "layer",
        "positions": "learned",
        "pooling": "class",
    }


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names; what has none here (a layer on the class token, for other tasks) is left out."""
    found = {}
    for name, weight in weights.items():
        for pattern, ours in _NAMES:
            if match := re.fullmatch(pattern, name.removeprefix("vit.")):
                parts = [_PARTS.get(part, part) for part in match.expand(ours).split(".")]
                found[".".join(parts)] = _shaped(weight, ".".join(parts))
    return found


def resized(weights: dict[str, Tensor], ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """Positions for pictures of another size, from the published grid by interpolation (section 3.2 of the paper)."""
    table, wanted = weights[_TABLE], ours.get(_TABLE)
    if wanted is None or table.shape == wanted.shape:
        return weights
    old, new = math.isqrt(len(table) - 1), math.isqrt(len(wanted) - 1)
    if new * new + 1 != len(wanted) or table.shape[1] != wanted.shape[1]:
        raise ValueError("init_from: the positions of these weights are those of square pictures: type data of such.")
    grid = table[1:].T.view(1, -1, old, old)
    grid = F.interpolate(grid, size=(new, new), mode="bicubic", align_corners=False)
    return weights | {_TABLE: torch.cat([table[:1], grid.flatten(2)[0].T])}


def _shaped(weight: Tensor, name: str) -> Tensor:
    """Filters as rows of a matrix, and tables without a dimension for the batch."""
    if name == "patches.project.weight":
        return weight.flatten(1)
    return weight[0] if name in ("begin.token", _TABLE) else weight
