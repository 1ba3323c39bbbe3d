"""Models as small as they can be, for tests that are about everything else."""

from typing import Any

_SMALL = {"dim": 16, "num_layers": 2, "num_heads": 2, "depth": 8, "width": 8, "num_filters": 8, "period": 8}
_SMALL_OWN: dict[str, dict[str, Any]] = {  # where the same words mean something else
    "alexnet": {"width": 16, "hidden_dim": 64},
    "convnext": {"dim": 8, "depths": (1, 1, 1, 1), "layer_scale": 0.1},
    "densenet": {"depth": 22, "growth": 4},
    "efficientnet": {"width": 0.1, "depth": 0.2},
    "googlenet": {"width": 16},
    "lenet": {"width": 6},
    "sequential": {"dim": None},
    "unet": {"depth": 2},
    "vgg": {"depth": 11, "hidden_dim": 16},
}


def small(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """What to change of a model's `options`, those of its yaml, to have it small."""
    return {key: value for key, value in _SMALL.items() if key in options} | _SMALL_OWN.get(name, {})
