"""What the published ResNet calls what ours calls otherwise."""

import re
from typing import Any

from torch import Tensor

from iolaus.transfer.pretrained.preprocessing import FILE as FILE
from iolaus.transfer.pretrained.preprocessing import fitted as fitted

_LAYER = r"encoder\.stages\.(\d+)\.layers\.(\d+)"
_NAMES = (
    (r"embedder\.embedder\.(convolution|normalization)\.(\w+)", r"stem.0.\1.\2"),
    (rf"{_LAYER}\.layer\.(\d+)\.(convolution|normalization)\.(\w+)", r"groups.\1.\2.residual.\3.\4.\5"),
    (rf"{_LAYER}\.shortcut\.(convolution|normalization)\.(\w+)", r"groups.\1.\2.shortcut.\3.\4"),
    (r"classifier\.1\.(\w+)", r"head.project.\1"),
)
TABLES: tuple[str, ...] = ()
SUPERFLUOUS = ""
_PARTS = {"convolution": "conv", "normalization": "norm"}
_DEPTHS = {
    ("basic", 2, 2, 2, 2): 18,
    ("basic", 3, 4, 6, 3): 34,
    ("bottleneck", 3, 4, 6, 3): 50,
    ("bottleneck", 3, 4, 23, 3): 101,
    ("bottleneck", 3, 8, 36, 3): 152,
}


def options(config: dict[str, Any]) -> dict[str, Any]:
    """Of our ResNet, for weights with this config.json.

    Raises:
        ValueError: if they are of a design that it does not have.
    """
    design = config["layer_type"], *config["depths"]
    if design not in _DEPTHS or config["downsample_in_first_stage"] or config.get("downsample_in_bottleneck"):
        raise ValueError(f"init_from: there is no counterpart here of a ResNet with {design[0]} blocks {design[1:]}.")
    width = config["embedding_size"]
    return {
        "depth": _DEPTHS[design],
        "width": None if width == 64 else width,
        "activation": config["hidden_act"],
        "norm": "batch",
        "pre_activation": False,
        "shortcut": "projection",
        "stem": "large",
    }


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under our names. Between the convolutions of a residual branch, ours counts the nonlinearities too."""
    found = {}
    for name, weight in weights.items():
        for pattern, ours in _NAMES:
            if match := re.fullmatch(pattern, name.removeprefix("resnet.")):
                parts = [_PARTS.get(part, part) for part in match.expand(ours).split(".")]
                if "residual" in parts:
                    place = parts.index("residual") + 1
                    parts[place] = str(2 * int(parts[place]))
                found[".".join(parts)] = weight
    return found
