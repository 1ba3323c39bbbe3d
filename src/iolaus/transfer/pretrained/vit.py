"""What the published ViT calls what ours calls otherwise."""

import re
from typing import Any

from torch import Tensor

from iolaus.spec import Image
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
TABLES: tuple[str, ...] = ()
SUPERFLUOUS = r"(vit\.)?(pooler\..+|embeddings\.mask_token)"  # for other tasks


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
    """Weights under our names; what has none here is left out."""
    found = {}
    for name, weight in weights.items():
        for pattern, ours in _NAMES:
            if match := re.fullmatch(pattern, name.removeprefix("vit.")):
                parts = [_PARTS.get(part, part) for part in match.expand(ours).split(".")]
                found[".".join(parts)] = _shaped(weight, ".".join(parts))
    return found


def pictures(config: dict[str, Any]) -> Image:
    """Those that the weights were learned from."""
    size = config.get("image_size", 224)
    height, width = (size, size) if isinstance(size, int) else size
    return Image(config.get("num_channels", 3), height, width)


def _shaped(weight: Tensor, name: str) -> Tensor:
    """Filters as rows of a matrix, and tables without a dimension for the batch."""
    if name == "patches.project.weight":
        return weight.flatten(1)
    return weight[0] if name in ("begin.token", _TABLE) else weight
