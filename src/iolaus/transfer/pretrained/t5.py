"""What the published T5 calls what ours calls otherwise."""

import re
import warnings
from typing import Any

import torch
from torch import Tensor

from iolaus.transfer.pretrained.tokenizer import FILE as FILE
from iolaus.transfer.pretrained.tokenizer import fitted as fitted

_WORDS, _HEAD = "words.weight", "head.project.weight"
_STACK = r"(encoder|decoder)"
_PROJECTIONS = {"q": "query", "k": "key", "v": "value", "o": "output", "wi": "expand", "wi_0": "expand", "wi_1": "gate"}
_NAMES = (
    (r"shared\.weight", _WORDS),
    (r"lm_head\.weight", _HEAD),
    (rf"{_STACK}\.final_layer_norm\.weight", r"\1.norm.weight"),
    (rf"{_STACK}\.block\.0\.layer\.0\.SelfAttention\.relative_attention_bias\.weight", r"\1.positions.table.weight"),
    (rf"{_STACK}\.block\.(\d+)\.layer\.0\.SelfAttention\.(\w)\.weight", r"\1.blocks.\2.attention.\3.weight"),
    (rf"{_STACK}\.block\.(\d+)\.layer\.0\.layer_norm\.weight", r"\1.blocks.\2.attention_norm.weight"),
    (r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.(\w)\.weight", r"decoder.blocks.\1.cross_attention.\2.weight"),
    (r"decoder\.block\.(\d+)\.layer\.1\.layer_norm\.weight", r"decoder.blocks.\1.cross_attention_norm.weight"),
    (
        rf"{_STACK}\.block\.(\d+)\.layer\.[12]\.DenseReluDense\.(wi|wi_0|wi_1)\.weight",
        r"\1.blocks.\2.feedforward.\3.weight",
    ),
    (rf"{_STACK}\.block\.(\d+)\.layer\.[12]\.DenseReluDense\.wo\.weight", r"\1.blocks.\2.feedforward.contract.weight"),
    (rf"{_STACK}\.block\.(\d+)\.layer\.[12]\.layer_norm\.weight", r"\1.blocks.\2.feedforward_norm.weight"),
)
TABLES = (_WORDS, _HEAD)
SUPERFLUOUS = r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight"  # never used
_ACTIVATIONS = {"gated-gelu": "gelu_tanh", "gated-silu": "silu"}


def options(config: dict[str, Any]) -> dict[str, Any]:
    """Of our T5, for weights with this config.json."""
    dim, num_heads, kind = config["d_model"], config["num_heads"], config.get("feed_forward_proj", "relu")
    return {
        "dim": dim,
        "num_layers": config["num_layers"],
        "num_heads": num_heads,
        "head_dim": None if config["d_kv"] * num_heads == dim else config["d_kv"],
        "feedforward_ratio": config["d_ff"] / dim,
        "activation": _ACTIVATIONS.get(kind, kind),
        "is_gated": kind.startswith("gated"),
        "is_tied": _is_tied(config),
    }


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names; what has none here is left out."""
    found = {}
    for name, weight in weights.items():
        for pattern, ours in _NAMES:
            if match := re.fullmatch(pattern, name):
                parts = [_PROJECTIONS.get(part, part) for part in match.expand(ours).split(".")]
                found[".".join(parts)] = weight
                break  # of a decoder's second layer, the patterns for a feed-forward layer would fit, too
    return found


def completed(weights: dict[str, Tensor], ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """With a head where ours has one, even if the file keeps it and the table of words in one; else without."""
    if _HEAD in ours:
        return {_HEAD: weights[_WORDS]} | weights if _WORDS in weights else weights
    head = weights.pop(_HEAD, None)
    if head is not None and not torch.equal(head, weights.get(_WORDS, head)):
        warnings.warn(
            "init_from: lm_head.weight is left out: config.json says that the table of words is the head; if not, "
            "write tie_word_embeddings: false there.",
            stacklevel=2,
        )
    return weights


def _is_tied(config: dict[str, Any]) -> bool:
    """Whether the table of words scores outputs, and they are scaled for it: T5 1.1 has ended both.

    Newer versions of the library say the second alone.
    """
    return config.get("tie_word_embeddings") is not False and config.get("scale_decoder_outputs") is not False
