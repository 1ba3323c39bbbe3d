"""Residual networks: depth, sizes of maps, the start as the identity. (Their published sizes: test_parameters.py.)"""

from typing import Any

import pytest
import torch
from torch import nn

from iolaus.models.resnet import ResNet
from iolaus.spec import Classes, Image

IMAGENET, CIFAR = Image(3, 224, 224), Image(3, 32, 32)
THOUSAND, TEN = (Classes(tuple(map(str, range(number)))) for number in (1000, 10))


def build(input: Image, target: Classes, **options: Any) -> ResNet:
    with torch.device("meta"):
        return ResNet(input, target, **options)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_resnet_20_has_272_474_parameters_with_projections() -> None:
    assert count(build(CIFAR, TEN, depth=20)) == 272_474


@pytest.mark.parametrize("depth", [8, 14, 20, 18, 34, 50])
def test_depth_counts_the_layers_with_weights(depth: Any) -> None:
    model = build(CIFAR, TEN, depth=depth)
    convolutions = [
        name for name, module in model.named_modules() if isinstance(module, nn.Conv2d) and "shortcut" not in name
    ]
    assert len(convolutions) + 1 == depth


@pytest.mark.parametrize(
    ("input", "options", "shape"),
    [
        (CIFAR, {"depth": 20}, (64, 8, 8)),
        (CIFAR, {"depth": 18}, (512, 4, 4)),
        (CIFAR, {"depth": 18, "stem": "large"}, (512, 1, 1)),
        (IMAGENET, {"depth": 18}, (512, 7, 7)),
        (IMAGENET, {"depth": 50}, (2048, 7, 7)),
        (IMAGENET, {"depth": 18, "stem": "small"}, (512, 28, 28)),
        (Image(1, 8, 8), {"depth": 20, "width": 5}, (20, 2, 2)),
        (Image(1, 1, 1), {"depth": 34}, (512, 1, 1)),
    ],
)
def test_maps_have_the_papers_sizes(input: Image, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    model = build(input, TEN, **options)
    x = torch.empty(2, input.channels, input.height, input.width, device="meta")
    assert model.features(x).values.shape == (2, *shape)
    assert model(x).shape == (2, 10)


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize("depth", [8, 50])
def test_blocks_begin_as_the_identity(norm: Any, depth: Any) -> None:
    torch.manual_seed(0)
    model = ResNet(Image(3, 16, 16), TEN, depth=depth, width=4, norm=norm)
    channels = 4 * (4 if depth == 50 else 1)
    block, x = model.groups[0][-1], torch.randn(2, channels, 16, 16).relu()
    assert torch.equal(block(x), x)
    eager = ResNet(Image(3, 16, 16), TEN, depth=depth, width=4, norm=norm, zero_init=False)
    assert eager.groups[0][-1].residual(x).any()


def test_weights_begin_with_the_variance_of_he() -> None:
    torch.manual_seed(0)
    weight = ResNet(CIFAR, TEN, depth=20, width=64).groups[0][1].residual[0].conv.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


@pytest.mark.parametrize("depth", [20, 50])
def test_with_pre_activation_the_first_block_reads_what_the_stem_has_activated(depth: Any) -> None:
    torch.manual_seed(0)
    model = ResNet(CIFAR, TEN, depth=depth, pre_activation=True, zero_init=False)
    stem = model.stem(torch.randn(2, 3, 32, 32))
    assert stem.min() == 0  # section 4.1 of the paper: before the two paths part
    block = model.groups[0][0]  # type: ignore[index]
    shortcut = stem if depth == 20 else block.projection(stem)
    torch.testing.assert_close(block(stem), shortcut + block.residual(stem))
