"""What the published GPT-2 calls what our GPT calls otherwise."""

import re
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from iolaus.transfer.pretrained.tokenizer import FILE as FILE
from iolaus.transfer.pretrained.tokenizer import fitted as fitted

_NAMES = (
    (r"wte\.weight", "embedding.table.weight"),
    (r"wpe\.weight", "embedding.positions.table"),
    (r"h\.(\d+)\.ln_1\.(\w+)", r"blocks.\1.attention_norm.\2"),
    (r"h\.(\d+)\.attn\.c_proj\.(\w+)", r"blocks.\1.attention.output.\2"),
    (r"h\.(\d+)\.ln_2\.(\w+)", r"blocks.\1.feedforward_norm.\2"),
    (r"h\.(\d+)\.mlp\.c_fc\.(\w+)", r"blocks.\1.feedforward.expand.\2"),
    (r"h\.(\d+)\.mlp\.c_proj\.(\w+)", r"blocks.\1.feedforward.contract.\2"),
    (r"ln_f\.(\w+)", r"norm.\1"),
)
TABLES = ("embedding.table.weight",)
SUPERFLUOUS = r"(transformer\.)?h\.\d+\.attn\.(masked_)?bias"  # which places attention may look at
_QUERY_KEY_VALUE = r"h\.(\d+)\.attn\.c_attn\.(\w+)"
_ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}


def options(config: dict[str, Any]) -> dict[str, Any]:
    """Of our GPT, for weights with this config.json."""
    dim = config["n_embd"]
    return {
        "dim": dim,
        "num_layers": config["n_layer"],
        "num_heads": config["n_head"],
        "feedforward_ratio": (config.get("n_inner") or 4 * dim) / dim,
        "activation": _ACTIVATIONS.get(config["activation_function"], config["activation_function"]),
        "norm": "layer",
        "positions": "learned",
    }


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names; what has none here is left out."""
    return {ours: weight for name, weight in weights.items() for ours, weight in _renamed(name, weight)}


def _renamed(name: str, weight: Tensor) -> Iterator[tuple[str, Tensor]]:
    name = name.removeprefix("transformer.")
    if ".c_" in name and weight.ndim == 2:
        weight = weight.T.contiguous()  # theirs are (in, out)
    if match := re.fullmatch(_QUERY_KEY_VALUE, name):
        for part, piece in zip(("query", "key", "value"), weight.chunk(3), strict=True):
            yield f"blocks.{match[1]}.attention.{part}.{match[2]}", piece.contiguous()
    for pattern, ours in _NAMES:
        if match := re.fullmatch(pattern, name):
            yield match.expand(ours), weight
