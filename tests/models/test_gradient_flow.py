"""How much of the gradient reaches the first layer of very deep networks, before anything is learned.

`python -m tests.models.test_gradient_flow` prints the table of docs/results.md.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from hydra.utils import get_object
from torch import nn

from iolaus.config.compose import CONF, options
from iolaus.models.convnext import ConvNeXt
from iolaus.models.densenet import DenseNet
from iolaus.models.efficientnet import EfficientNet
from iolaus.models.googlenet import GoogLeNet
from iolaus.models.mlp_mixer import MLPMixer
from iolaus.models.resnet import ResNet
from iolaus.models.vgg import VGG
from iolaus.models.vit import ViT
from iolaus.spec import Classes, Image

INPUT, TEN = Image(3, 16, 16), Classes(tuple("0123456789"))
# As deep as in the papers, but narrow.
DEEP: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "vgg, 19 layers": (VGG, {"depth": 19, "width": 8, "hidden_dim": 32}),
    "vgg, 19 layers, batch norm": (VGG, {"depth": 19, "width": 8, "hidden_dim": 32, "norm": "batch"}),
    "googlenet": (GoogLeNet, {"width": 16}),
    "resnet, 110 layers": (ResNet, {"depth": 110, "width": 4}),
    "resnet, 110 layers, zero_init=false": (ResNet, {"depth": 110, "width": 4, "zero_init": False}),
    "resnet, 164 layers, pre-activation": (ResNet, {"depth": 164, "width": 4, "pre_activation": True}),
    "densenet, 100 layers": (DenseNet, {"depth": 100, "growth": 4}),
    "efficientnet b0": (EfficientNet, {"width": 0.2}),
    "vit, 24 blocks": (ViT, {"dim": 32, "num_layers": 24, "num_heads": 4}),
    "mlp_mixer, 24 blocks": (MLPMixer, {"dim": 32, "num_layers": 24}),
    "convnext, 18 blocks": (ConvNeXt, {"dim": 8}),
}


def initializer(name: str) -> Callable[[nn.Module], None]:
    node = yaml.safe_load((CONF / "initializer" / f"{name}.yaml").read_text())
    node.pop("_partial_", None)
    target = get_object(node.pop("_target_"))
    return lambda model: target(model, **node)


def ratio(name: str, initialize: Callable[[nn.Module], None]) -> float:
    """The gradient's norm in the first layer's weights, over that in the last's."""
    torch.manual_seed(0)
    kind, chosen = DEEP[name]
    model = kind(INPUT, TEN, **chosen)
    initialize(model)
    F.cross_entropy(model(torch.randn(16, 3, 16, 16)), torch.arange(16) % 10).backward()
    first = next(parameter for parameter in model.stages()[0].parameters() if parameter.ndim > 1)
    assert first.grad is not None
    return (first.grad.norm() / model.head.project.weight.grad.norm()).item()


@pytest.mark.parametrize("name", DEEP)
def test_gradients_reach_the_first_layer_whatever_the_initializer(name: str) -> None:
    for chosen in options("initializer"):
        assert 0.01 < ratio(name, initializer(chosen)) < 100, chosen


if __name__ == "__main__":
    names = options("initializer")
    print(f"| network | {' | '.join(names)} |\n|---{'|---' * len(names)}|")
    for network in DEEP:
        print(f"| {network} |", " | ".join(f"{ratio(network, initializer(name)):.2g}" for name in names), "|")
