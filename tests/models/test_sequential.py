"""Stacks from a list: sizes follow, padding has no part, and what does not fit is named."""

from typing import Any

import pytest
import torch
from torch import nn

from iolaus.layers.tokens import TokenConvolution, TokenPooling
from iolaus.models.sequential import Sequential
from iolaus.spec import Classes, Image, Series, Text

TARGET = Classes(("a", "b", "c"))
PICTURE, TEXT = Image(1, 8, 8), Text(40, 12)
TOKENS = torch.tensor([[5, 7, 9, 11, 3, 2, 8, 1, 6], [4, 2, 8, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0]])

EVERYTHING: list[Any] = [
    {"convolution": {"channels": 12, "size": 5, "stride": 2}},
    {"norm": "layer"},
    {"activation": "gelu"},
    {"pooling": {"size": 2, "kind": "mean"}},
    "tokens",
    {"positions": "sinusoidal"},
    {"residual": [{"norm": "rms"}, {"attention": {"num_heads": 3}}, {"dropout": 0.1}]},
    {"recurrent": {"cell": "lstm", "bidirectional": True, "num_layers": 2}},
    {"linear": 7},
    "flatten",
    {"linear": {"dim": 5}},
]


@pytest.mark.parametrize("input", [PICTURE, TEXT, Series(2, 64)], ids=str)
def test_every_layer_fits_behind_the_others_on_every_kind(input: Any) -> None:
    torch.manual_seed(0)
    model = Sequential(input, TARGET, layers=EVERYTHING).eval()
    x = {Image: torch.randn(3, 1, 8, 8), Text: TOKENS, Series: torch.randn(3, 64, 2)}[type(input)]
    output = model(x)
    assert output.shape == (3, 3)
    output.sum().backward()
    unmoved = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert unmoved == []


@pytest.mark.parametrize("layer", [{"linear": 8}, {"attention": {"num_heads": 2}}, {"norm": "layer"}], ids=str)
def test_a_residual_may_come_first_on_a_text(layer: dict[str, Any]) -> None:
    model = Sequential(TEXT, TARGET, dim=8, layers=[{"residual": [layer]}])
    assert model(TOKENS).shape == (3, 3)


def test_positions_do_not_drown_the_words_of_a_text() -> None:
    torch.manual_seed(0)
    model = Sequential(TEXT, TARGET, layers=[{"positions": "learned"}, {"linear": 8}])
    assert model.embedding is not None
    words, positions = model.embedding.table.weight, model.parts[0].layer.table  # type: ignore[union-attr]
    assert positions.std().item() == pytest.approx(words.std().item(), rel=0.2)  # type: ignore[union-attr,operator]


@pytest.mark.parametrize(
    "layers",
    [
        EVERYTHING,
        [{"convolution": {"channels": 8, "size": 4, "stride": 3}}, {"pooling": {"size": 2, "kind": "max"}}],
        [{"pooling": {"size": 3, "kind": "mean"}}, {"recurrent": "gru"}],
    ],
    ids=["everything", "strides", "means"],
)
def test_padding_changes_no_answer(layers: list[Any]) -> None:
    torch.manual_seed(0)
    model = Sequential(TEXT, TARGET, layers=layers).eval()
    longer = nn.functional.pad(TOKENS, (0, 3))
    torch.testing.assert_close(model(longer), model(TOKENS))
    torch.testing.assert_close(model(TOKENS[1:2, :3]), model(TOKENS)[1:2])


def test_is_the_same_network_as_torchs() -> None:
    torch.manual_seed(0)
    layers: list[Any] = [{"convolution": 6}, {"activation": "tanh"}, {"pooling": 2}, "flatten", {"linear": 9}]
    model, x = Sequential(PICTURE, TARGET, layers=layers), torch.randn(2, 1, 8, 8)
    conv, linear = model.parts[0].layer, model.parts[4].layer
    hidden = nn.functional.max_pool2d(conv(x).tanh(), 2).flatten(2).transpose(1, 2).flatten(1)
    torch.testing.assert_close(model(x), model.head.project(linear(hidden)))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"convolutoin": 3}], "model.layers[0]: there is no layer convolutoin; did you mean convolution?"),
        (
            [{"linear": 3, "norm": "batch"}],
            "model.layers[0]: one layer an entry, but here are linear, norm.",
        ),
        (
            [{"linear": 6}, {"recurrent": "gru"}],
            "model.layers[1] (recurrent): it reads tokens, but gets 6 feature maps of 8×8: put `tokens` before it.",
        ),
        (
            ["tokens", {"linear": 30}, {"attention": 4}],
            "model.layers[2] (attention): 4 heads cannot share 30 features: put `linear: 32` before it.",
        ),
        (
            ["tokens", {"recurrent": {"bidirectional": True}}],
            "model.layers[1] (recurrent): two directions cannot share 1 features: put `linear: 2` before it.",
        ),
        (
            [{"pooling": 4}, {"pooling": 4}],
            "model.layers[1] (pooling): pools of 4×4 do not fit into 1 feature maps of 2×2: "
            "leave it out, or pool less before it.",
        ),
        (
            [{"convolution": 8}, {"residual": [{"convolution": 9}]}],
            "model.layers[1].residual: its layers turn 8 feature maps of 8×8 into 9 feature maps of 8×8, "
            "which cannot be added to them.",
        ),
        (
            [{"residual": ["tokens", {"linear": "many"}]}],
            "model.layers[0].residual[1] (linear): dim: should be a valid integer.",
        ),
        ([{"linear": {"dim": 3, "dm": 4}}], "model.layers[0] (linear): there is no option dm; there is dim."),
        (["linear"], "model.layers[0] (linear): dim: Missing required keyword only argument."),
        ([{"flatten": 3}], "model.layers[0] (flatten): it has no options: type just flatten."),
        ([{"dropout": 1.5}], "model.layers[0] (dropout): rate: should be less than 1."),
        ([{"convolution": {"channels": 4, "size": 2}}], "model.layers[0] (convolution): filters of 2×2 have no middle"),
        (["tokens", {"spatial_dropout": 0.1}], "model.layers[1] (spatial_dropout): it drops whole feature maps"),
        ([{"pooling": 8}, {"norm": "instance"}], "model.layers[1] (norm): instance norm compares places"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value),
)
def test_what_does_not_fit_is_named(layers: list[Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        Sequential(PICTURE, TARGET, layers=layers)
    assert str(caught.value).startswith(message)


def test_options_for_tokens_have_no_effect_on_pictures() -> None:
    with pytest.warns(UserWarning, match=r"^model\.dim=32 has no effect on pictures\.$"):
        Sequential(PICTURE, TARGET, dim=32)


def test_pools_and_filters_over_tokens_see_no_padding() -> None:
    x = torch.tensor([[[1.0], [-3.0], [5.0], [100.0]]])
    mask = torch.tensor([[True, True, True, False]])
    values, left = TokenPooling(2, "mean")(x, mask)
    assert values.flatten().tolist() == [-1.0, 5.0]
    assert left is not None
    assert left.tolist() == [[True, True]]
    values, _ = TokenPooling(3, "max")(-x, mask)
    assert values.flatten().tolist() == [3.0, 0.0]  # nothing but padding gives zeros
    filters = TokenConvolution(1, 2, 3)
    cut, _ = filters(x[:, :3], None)
    values, _ = filters(x, mask)
    torch.testing.assert_close(values[:, :3], cut)
