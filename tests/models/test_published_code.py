"""Our networks give the answers of the same networks in the transformers library, once they have its weights."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from iolaus.models.convnext import ConvNeXt
from iolaus.models.efficientnet import EfficientNet
from iolaus.models.resnet import ResNet
from iolaus.models.vit import ViT
from iolaus.spec import Classes, Image

transformers = pytest.importorskip("transformers")

INPUT, TARGET = Image(3, 64, 64), Classes(("a", "b", "c"))


@torch.no_grad()
def shaken(model: nn.Module) -> nn.Module:
    """With random values in everything, statistics of norms too: what is 0 or 1 hides mistakes."""
    torch.manual_seed(0)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point():
            scale = 1.0 if tensor.ndim < 2 else (2 / tensor[0].numel()) ** 0.5
            tensor.copy_(torch.rand(tensor.shape) + 0.5 if "running_var" in name else torch.randn(tensor.shape) * scale)
    for module in model.modules():
        for name in ("eps", "variance_epsilon"):
            if hasattr(module, name):
                setattr(module, name, 1e-5)
    return model.eval()


def assert_same(ours: nn.Module, theirs: nn.Module, weights: Iterable[tuple[str, Tensor]]) -> None:
    """`weights`: theirs under our names."""
    wanted = ours.state_dict()
    ours.load_state_dict({name: tensor.reshape(wanted[name].shape) for name, tensor in weights})
    pictures = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs(pictures).logits
        torch.testing.assert_close(ours.eval()(pictures), expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert expected.std() > 1e-3


def renamed(weights: dict[str, Tensor], *rules: tuple[str, str]) -> Iterable[tuple[str, Tensor]]:
    for name, tensor in weights.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        yield name, tensor


def test_vit() -> None:
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        image_size=64,
        patch_size=16,
        num_labels=3,
    )
    theirs = shaken(transformers.ViTForImageClassification(config))
    ours = ViT(INPUT, TARGET, dim=32, num_layers=3, num_heads=4, feedforward_ratio=3.0, patch_size=16)
    rules = [
        (r"^vit\.embeddings\.cls_token", "begin.token"),
        (r"^vit\.embeddings\.position_embeddings", "begin.positions.table"),
        (r"^vit\.embeddings\.patch_embeddings\.projection", "patches.project"),
        (r"^vit\.layers", "blocks"),
        (r"q_proj", "query"),
        (r"k_proj", "key"),
        (r"v_proj", "value"),
        (r"o_proj", "output"),
        (r"layernorm_before", "attention_norm"),
        (r"layernorm_after", "feedforward_norm"),
        (r"mlp\.fc1", "feedforward.expand"),
        (r"mlp\.fc2", "feedforward.contract"),
        (r"^vit\.layernorm", "norm"),
        (r"^classifier", "head.project"),
    ]
    assert_same(ours, theirs, renamed(theirs.state_dict(), *rules))


@pytest.mark.parametrize("depth", [18, 50])
def test_resnet(depth: Any) -> None:
    kind, expansion = ("basic", 1) if depth == 18 else ("bottleneck", 4)
    config = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8 * expansion * 2**number for number in range(4)],
        depths=[2, 2, 2, 2] if depth == 18 else [3, 4, 6, 3],
        layer_type=kind,
        num_labels=3,
    )
    theirs = shaken(transformers.ResNetForImageClassification(config))
    ours = ResNet(INPUT, TARGET, depth=depth, width=8, stem="large")
    rules = [
        (r"^resnet\.embedder\.embedder\.", "stem.0."),
        (r"^resnet\.encoder\.stages\.(\d+)\.layers\.", r"groups.\1."),
        (r"\.layer\.(\d+)\.", lambda match: f".residual.{2 * int(match.group(1))}."),
        (r"\.convolution\.", ".conv."),
        (r"\.normalization\.", ".norm."),
        (r"^classifier\.1", "head.project"),
    ]
    assert_same(ours, theirs, renamed(theirs.state_dict(), *rules))


def test_convnext() -> None:
    config = transformers.ConvNextConfig(hidden_sizes=[8, 16, 32, 64], depths=[1, 2, 3, 1], num_labels=3)
    theirs = shaken(transformers.ConvNextForImageClassification(config))
    ours = ConvNeXt(INPUT, TARGET, dim=8, depths=(1, 2, 3, 1), stem="large")
    rules = [
        (r"^convnext\.embeddings\.patch_embeddings", "stem.0.conv"),
        (r"^convnext\.embeddings\.layernorm", "stem.1"),
        (r"^convnext\.encoder\.stages\.", "groups."),
        (r"downsampling_layer\.0", "0"),
        (r"downsampling_layer\.1", "1.conv"),
        (r"^groups\.0\.layers\.(\d+)", r"groups.0.\1"),
        (r"^(groups\.[123])\.layers\.(\d+)", lambda match: f"{match.group(1)}.{int(match.group(2)) + 2}"),
        (r"\.layer_scale_parameter", ".branch.5.scale"),
        (r"\.dwconv", ".branch.0"),
        (r"(groups\.\d+\.\d+)\.layernorm", r"\1.branch.1"),
        (r"\.pwconv1", ".branch.2"),
        (r"\.pwconv2", ".branch.4"),
        (r"^convnext\.layernorm", "norm"),
        (r"^classifier", "head.project"),
    ]
    assert_same(ours, theirs, renamed(theirs.state_dict(), *rules))


def test_efficientnet() -> None:
    config = transformers.EfficientNetConfig(
        width_coefficient=0.5,
        depth_coefficient=0.5,
        image_size=64,
        hidden_dim=640,
        dropout_rate=0.2,
        num_labels=3,
        depthwise_padding=list(range(16)),  # of blocks that pad all sides alike, as the paper's figure has it
    )
    theirs = shaken(transformers.EfficientNetForImageClassification(config))
    theirs.efficientnet.embeddings.padding = nn.ZeroPad2d(1)  # likewise
    ours = EfficientNet(INPUT, TARGET, width=0.5, depth=0.5, stem="large")
    names = list(ours.state_dict())  # both have their layers in the same order
    weights = theirs.state_dict().values()
    assert_same(ours, theirs, zip(names, weights, strict=True))
