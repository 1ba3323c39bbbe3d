"""Numbers of parameters at the papers' sizes, against published figures. On the meta device: nothing is allocated."""

from typing import Any

import pytest
import torch
from torch import nn

from iolaus.models.alexnet import AlexNet
from iolaus.models.bert import BERT
from iolaus.models.convnext import ConvNeXt
from iolaus.models.densenet import DenseNet
from iolaus.models.efficientnet import EfficientNet
from iolaus.models.googlenet import GoogLeNet
from iolaus.models.gpt import GPT
from iolaus.models.lenet import LeNet
from iolaus.models.mlp_mixer import MLPMixer
from iolaus.models.resnet import ResNet
from iolaus.models.t5 import T5
from iolaus.models.unet import UNet
from iolaus.models.vgg import VGG
from iolaus.models.vit import ViT
from iolaus.spec import Classes, Image, Mask, Sentence, Target, Text, Vocabulary

IMAGENET, CIFAR = Image(3, 224, 224), Image(3, 32, 32)
THOUSAND, TEN = (Classes(tuple(map(str, range(number)))) for number in (1000, 10))


def count(model: type[nn.Module], input: Image, target: Target, **options: Any) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in model(input, target, **options).parameters())


# Exactly known: num_params in the documentation of torchvision's models (docs.pytorch.org/vision/stable/models), unless
# a comment says otherwise.
ON_IMAGENET: list[tuple[type[nn.Module], dict[str, Any], int]] = [
    (AlexNet, {}, 61_100_840),
    (VGG, {"depth": 11}, 132_863_336),
    (VGG, {"depth": 13}, 133_047_848),
    (VGG, {"depth": 16}, 138_357_544),
    (VGG, {"depth": 19}, 143_667_240),
    # Torchvision's convolutions keep their biases beside a batch norm, which undoes them; ours have none.
    (VGG, {"depth": 11, "norm": "batch"}, 132_868_840 - 2_752),
    (VGG, {"depth": 13, "norm": "batch"}, 133_053_736 - 2_944),
    (VGG, {"depth": 16, "norm": "batch"}, 138_365_992 - 4_224),
    (VGG, {"depth": 19, "norm": "batch"}, 143_678_248 - 5_504),
    # The paper's filters of 5×5 and no norms, as in Caffe's bvlc_googlenet; then torchvision's, with norms and 3×3.
    (GoogLeNet, {"auxiliary": 0.0}, 6_998_552),
    (GoogLeNet, {}, 13_378_280),
    (GoogLeNet, {"norm": "batch", "filter_size": 3, "auxiliary": 0.0}, 6_624_904),
    (GoogLeNet, {"norm": "batch", "filter_size": 3}, 13_004_888),
    (ResNet, {"depth": 18}, 11_689_512),
    (ResNet, {"depth": 34}, 21_797_672),
    (ResNet, {"depth": 50}, 25_557_032),
    (ResNet, {"depth": 101}, 44_549_160),
    (ResNet, {"depth": 152}, 60_192_808),
    (DenseNet, {"depth": 121}, 7_978_856),
    (DenseNet, {"depth": 161}, 28_681_000),
    (DenseNet, {"depth": 169}, 14_149_480),
    (DenseNet, {"depth": 201}, 20_013_928),
    (EfficientNet, {"size": "b0"}, 5_288_548),
    (EfficientNet, {"size": "b1"}, 7_794_184),
    (EfficientNet, {"size": "b2"}, 9_109_994),
    (EfficientNet, {"size": "b3"}, 12_233_232),
    (EfficientNet, {"size": "b4"}, 19_341_616),
    (EfficientNet, {"size": "b5"}, 30_389_784),
    (EfficientNet, {"size": "b6"}, 43_040_704),
    (EfficientNet, {"size": "b7"}, 66_347_960),
    (ViT, {"size": "tiny"}, 5_717_416),  # this and the next: timm's vit_…_patch16_224
    (ViT, {"size": "small"}, 22_050_664),
    (ViT, {"size": "base"}, 86_567_656),
    (ViT, {"size": "base", "patch_size": 32}, 88_224_232),
    (ViT, {"size": "large"}, 304_326_632),
    (MLPMixer, {"size": "small"}, 18_528_264),  # timm's mixer_…_224
    (MLPMixer, {"size": "base"}, 59_880_472),
    (MLPMixer, {"size": "large"}, 208_196_168),
    (ConvNeXt, {"size": "tiny"}, 28_589_128),
    (ConvNeXt, {"size": "small"}, 50_223_688),
    (ConvNeXt, {"size": "base"}, 88_591_464),
    (ConvNeXt, {"size": "large"}, 197_767_336),
]


@pytest.mark.parametrize(("model", "options", "parameters"), ON_IMAGENET, ids=str)
def test_on_imagenet(model: type[nn.Module], options: dict[str, Any], parameters: int) -> None:
    assert count(model, IMAGENET, THOUSAND, **options) == parameters


def test_unet_has_as_many_as_others_at_the_papers_size() -> None:
    """The paper prints no number. In Keras (github.com/zhixuhao/unet) it has 31,031,685, with one more convolution, to
    two maps, before the answer; in PyTorch, with batch norms (github.com/milesial/Pytorch-UNet), 31,037,698."""
    paper: dict[str, Any] = {"width": 64, "depth": 4}
    more, answer_from_two, answer = 64 * 2 * 3 * 3 + 2, 2 + 1, 64 + 1
    plain = count(UNet, Image(1, 572, 572), Mask(("cell",)), **paper, norm="none")
    assert plain - answer + more + answer_from_two == 31_031_685
    assert count(UNet, Image(3, 572, 572), Mask(("cell", "background")), **paper) == 31_037_698


def test_lenet_5_has_the_papers_parameters_on_its_digits() -> None:
    """60,000 in the paper, whose C3 sees only some maps; 61,706 where it sees all of them."""
    assert count(LeNet, Image(1, 32, 32), TEN) == count(LeNet, Image(1, 28, 28), TEN) == 61_706


# Millions, as the papers' tables print them: He et al. 2016, table 6; Huang et al. 2017, table 2; He et al. 2016
# (pre-activation), table 4.
ON_CIFAR: list[tuple[type[nn.Module], dict[str, Any], float]] = [
    (ResNet, {"depth": 20, "shortcut": "padding"}, 0.27),
    (ResNet, {"depth": 32, "shortcut": "padding"}, 0.46),
    (ResNet, {"depth": 44, "shortcut": "padding"}, 0.66),
    (ResNet, {"depth": 56, "shortcut": "padding"}, 0.85),
    (ResNet, {"depth": 110, "shortcut": "padding"}, 1.7),
    (ResNet, {"depth": 164, "pre_activation": True}, 1.7),
    (DenseNet, {"depth": 40, "growth": 12, "bottleneck": False, "compression": False}, 1.0),
    (DenseNet, {"depth": 100, "growth": 12, "bottleneck": False, "compression": False}, 7.0),
    (DenseNet, {"depth": 100, "growth": 24, "bottleneck": False, "compression": False}, 27.2),
    (DenseNet, {"depth": 100, "growth": 12}, 0.8),
    (DenseNet, {"depth": 250, "growth": 24}, 15.3),
    (DenseNet, {"depth": 190, "growth": 40}, 25.6),
]


@pytest.mark.parametrize(("model", "options", "millions"), ON_CIFAR, ids=str)
def test_on_cifar(model: type[nn.Module], options: dict[str, Any], millions: float) -> None:
    digits = 2 if millions < 1 and millions != 0.8 else 1
    parameters = count(model, CIFAR, TEN, **options) / 1e6
    assert round(parameters, digits) == pytest.approx(millions, abs=0.051 if millions > 10 else 1e-9)


# pytorchcv's PreResNets (github.com/osmr/imgclsmob); the paper rounds the last to 10.2 million.
@pytest.mark.parametrize(
    ("depth", "parameters"), [(20, 272_282), (110, 1_730_522), (164, 1_703_258), (1001, 10_327_706)]
)
def test_with_pre_activation_on_cifar(depth: int, parameters: int) -> None:
    assert count(ResNet, CIFAR, TEN, depth=depth, pre_activation=True) == parameters


def test_densenet_bc_of_100_layers_has_769_162_parameters() -> None:
    assert count(DenseNet, CIFAR, TEN, depth=100, growth=12) == 769_162


# The published checkpoints' own (bert-base-uncased, gpt2, t5-small); BERT's counts its pooler, and no head.
BASE: dict[str, Any] = {"dim": 768, "num_layers": 12, "num_heads": 12}
OF_LANGUAGE: list[tuple[Any, Any, Any, dict[str, Any], int]] = [
    (BERT, Text(30522, 512, framed=True), Classes(("a", "b")), BASE, 109_482_240 + 2 * 768 + 2),
    (GPT, Text(50257, 1024), Vocabulary(50257), BASE, 124_439_808),
    (T5, Text(32128, 512), Sentence(32128, 512), {"dim": 512, "num_layers": 6, "num_heads": 8}, 60_506_624),
]


@pytest.mark.parametrize(("model", "input", "target", "options", "parameters"), OF_LANGUAGE, ids=["bert", "gpt", "t5"])
def test_of_language(model: Any, input: Text, target: Any, options: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        built = model(input, target, **options)
        words = torch.ones(1, input.length, dtype=torch.long)
        output = built(words, words) if isinstance(target, Sentence) else built(words)
    assert sum(parameter.numel() for parameter in built.parameters()) == parameters
    assert output.shape == ((1, 2) if isinstance(target, Classes) else (1, input.length, input.vocab_size))
