"""Networks for pictures read digits, CIFAR and ImageNet, with the stem that their yamls choose. On the meta device."""

from typing import Any

import pytest
import torch
from torch import nn

from iolaus.models.alexnet import AlexNet
from iolaus.models.convnext import ConvNeXt
from iolaus.models.densenet import DenseNet
from iolaus.models.efficientnet import EfficientNet
from iolaus.models.googlenet import GoogLeNet
from iolaus.models.lenet import LeNet
from iolaus.models.resnet import ResNet
from iolaus.models.vgg import VGG
from iolaus.spec import Classes, Image
from tests.models.test_contract import NAMES, load

TEN = Classes(tuple("0123456789"))
SIZES = [Image(1, 8, 8), Image(1, 28, 28), Image(3, 32, 32), Image(3, 96, 64), Image(3, 224, 224), Image(3, 1, 1)]
READERS = [
    name
    for name in NAMES
    if load(name)[0].reads == (Image,)
    and Classes in getattr(load(name)[0], "writes", {Classes})
    and not name.startswith("scratch")
]


def read(model: nn.Module, input: Image) -> torch.Tensor:
    return model(torch.empty(2, input.channels, input.height, input.width, device="meta"))


@pytest.mark.parametrize("name", READERS)
def test_reads_pictures_of_every_size_as_its_yaml_has_it(name: str) -> None:
    model, options = load(name)
    for input in SIZES:
        with torch.device("meta"):
            assert read(model(input, TEN, **options), input).shape == (2, 10)


# What the last map measures at 224×224 in the papers, and on small pictures here.
MAPS: list[tuple[type[nn.Module], dict[str, Any], Image, tuple[int, ...]]] = [
    (LeNet, {}, Image(1, 32, 32), (84, 1, 1)),
    (LeNet, {}, Image(1, 28, 28), (84, 1, 1)),
    (LeNet, {}, Image(1, 8, 8), (84, 2, 2)),
    (LeNet, {"stem": "small"}, Image(1, 32, 32), (84, 8, 8)),
    (LeNet, {"stem": "large"}, Image(1, 64, 64), (84, 9, 9)),
    (GoogLeNet, {}, Image(3, 224, 224), (1024, 7, 7)),
    (GoogLeNet, {}, Image(3, 32, 32), (1024, 8, 8)),
    (DenseNet, {"depth": 121}, Image(3, 224, 224), (1024, 7, 7)),
    (DenseNet, {"depth": 100}, Image(3, 32, 32), (342, 8, 8)),
    (EfficientNet, {}, Image(3, 224, 224), (1280, 7, 7)),
    (EfficientNet, {"size": "b7"}, Image(3, 600, 600), (2560, 19, 19)),
    (EfficientNet, {}, Image(3, 32, 32), (1280, 2, 2)),
    (ResNet, {"depth": 50, "pre_activation": True}, Image(3, 224, 224), (2048, 7, 7)),
]


@pytest.mark.parametrize(("model", "options", "input", "shape"), MAPS, ids=str)
def test_maps_have_the_papers_sizes(
    model: type[nn.Module], options: dict[str, Any], input: Image, shape: tuple[int, ...]
) -> None:
    with torch.device("meta"):
        network = model(input, TEN, **options)
    x = torch.empty(2, input.channels, input.height, input.width, device="meta")
    assert network.features(x).values.shape == (2, *shape)


@pytest.mark.parametrize("model", [LeNet, AlexNet, VGG, GoogLeNet, ResNet, DenseNet, EfficientNet, ConvNeXt])
def test_the_stem_goes_by_the_picture_and_can_be_chosen(model: type[nn.Module]) -> None:
    def layers(input: Image, **options: Any) -> str:
        with torch.device("meta"):
            network = model(input, TEN, **options)
        return "\n".join(map(str, network.stages()[:5]))

    small, large = Image(3, 8, 8), Image(3, 224, 224)
    assert layers(small) == layers(small, stem="small")
    assert layers(large) == layers(large, stem="large")
    assert layers(large) != layers(large, stem="small")


@pytest.mark.parametrize("model", [LeNet, AlexNet])
def test_a_stem_that_leaves_nothing_says_so(model: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match=r"^model\.stem=large needs pictures of \d\d pixels a side, not 8×8: type "):
        model(Image(1, 8, 8), TEN, stem="large")
