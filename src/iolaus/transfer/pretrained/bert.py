"""What the published BERT calls what ours calls otherwise."""

import re
from typing import Any

from torch import Tensor

from iolaus.transfer.pretrained.tokenizer import FILE as FILE
from iolaus.transfer.pretrained.tokenizer import fitted as fitted

_NAMES = (
    (r"embeddings\.word_embeddings\.weight", "embedding.words.weight"),
    (r"embeddings\.position_embeddings\.weight", "embedding.positions.table"),
    (r"embeddings\.token_type_embeddings\.weight", "embedding.segments.weight"),
    (r"embeddings\.LayerNorm\.(\w+)", r"embedding.norm.\1"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.(query|key|value)\.(\w+)", r"blocks.\1.attention.\2.\3"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(\w+)", r"blocks.\1.attention.output.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(\w+)", r"blocks.\1.attention_norm.\2"),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense\.(\w+)", r"blocks.\1.feedforward.expand.\2"),
    (r"encoder\.layer\.(\d+)\.output\.dense\.(\w+)", r"blocks.\1.feedforward.contract.\2"),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm\.(\w+)", r"blocks.\1.feedforward_norm.\2"),
    (r"pooler\.dense\.(\w+)", r"head.pooler.\1"),
    (r"cls\.predictions\.transform\.dense\.(\w+)", r"head.transform.\1"),
    (r"cls\.predictions\.transform\.LayerNorm\.(\w+)", r"head.norm.\1"),
    (r"cls\.predictions\.bias", "head.bias"),
    (r"classifier\.(\w+)", r"head.project.\1"),
)
# Of segments, of which some have another number, the first alone is read.
TABLES = ("embedding.words.weight", "embedding.segments.weight", "head.bias")
# Numbers of the places, and the guess whether two sentences follow each other.
SUPERFLUOUS = r"(bert\.)?embeddings\.position_ids|cls\.seq_relationship\..+"
_OLD = {"gamma": "weight", "beta": "bias"}  # what norms are called in the first files
_ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}


def options(config: dict[str, Any]) -> dict[str, Any]:
    """Of our BERT, for weights with this config.json."""
    dim = config["hidden_size"]
    return {
        "dim": dim,
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "feedforward_ratio": config["intermediate_size"] / dim,
        "activation": _ACTIVATIONS.get(config["hidden_act"], config["hidden_act"]),
    }


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names; what has none here is left out."""
    found = {}
    for name, weight in weights.items():
        path, _, last = name.removeprefix("bert.").rpartition(".")
        name = f"{path}.{_OLD.get(last, last)}"
        for pattern, ours in _NAMES:
            if match := re.fullmatch(pattern, name):
                found[match.expand(ours)] = weight
    return found
