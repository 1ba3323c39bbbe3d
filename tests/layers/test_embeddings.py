"""What `embed` makes of each kind of input, and what it says of options that a kind does not have."""

import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from iolaus.layers.embeddings import Embedding, embed
from iolaus.layers.features import Features
from iolaus.layers.positions import LearnedPositions
from iolaus.spec import Image, Series, Text

IMAGE, TEXT, SERIES = Image(3, 8, 12), Text(50, 10, pad=0), Series(2, 24)


def window() -> torch.Tensor:
    return torch.randn(4, 24, 2, generator=torch.Generator().manual_seed(0)) * 5 + 3


def test_text_is_a_table_and_a_mask() -> None:
    embedding, tokens = embed(TEXT, 16), torch.tensor([[3, 7, 0], [4, 0, 0]])
    features = embedding(tokens)
    torch.testing.assert_close(features.values[0, 1], embedding.table.weight[7])
    assert features.mask.tolist() == [[True, True, False], [True, False, False]]
    assert (embedding.num_tokens, embedding.num_sequences) == (10, 1)


def test_padding_is_what_the_spec_says() -> None:
    features = embed(Text(50, 10, pad=9), 16)(torch.tensor([[0, 7, 9]]))
    assert features.mask.tolist() == [[True, True, False]]


@pytest.mark.parametrize(("patch_size", "num_tokens"), [(None, 6), (2, 24), (4, 6), (5, 6), ("whole", 1)])
def test_images_become_patches(patch_size: Any, num_tokens: int) -> None:
    embedding = embed(IMAGE, 16, patch_size=patch_size)
    features = embedding(torch.randn(2, 3, 8, 12))
    assert features.values.shape == (2, num_tokens, 16)
    assert features.mask is None
    assert embedding.num_tokens == num_tokens


def test_a_patch_is_embedded_like_a_convolution_would() -> None:
    embedding, x = embed(IMAGE, 16, patch_size=4), torch.randn(2, 3, 8, 12)
    weight = embedding.project.weight.view(16, 3, 4, 4)
    expected = torch.nn.functional.conv2d(x, weight, embedding.project.bias, stride=4)
    torch.testing.assert_close(embedding(x).values, expected.flatten(2).transpose(1, 2))


@pytest.mark.parametrize("channel_independent", [True, False])
@pytest.mark.parametrize(
    ("patch_size", "patch_stride", "num_tokens"), [(None, None, 12), (8, None, 6), (8, 8, 3), (1, 1, 24)]
)
def test_series_become_patches(
    patch_size: int | None, patch_stride: int | None, num_tokens: int, channel_independent: bool
) -> None:
    embedding = embed(
        SERIES, 16, patch_size=patch_size, patch_stride=patch_stride, channel_independent=channel_independent
    )
    assert embedding(window()).values.shape == (8 if channel_independent else 4, num_tokens, 16)
    assert (embedding.num_tokens, embedding.num_sequences) == (num_tokens, 2 if channel_independent else 1)


def test_independent_channels_are_sequences_of_their_own() -> None:
    embedding, x = embed(SERIES, 16), window()
    changed = x.clone()
    changed[:, :, 1] += torch.randn(4, 24)
    before, after = (embedding(each).values.unflatten(0, (4, 2)) for each in (x, changed))
    torch.testing.assert_close(before[:, 0], after[:, 0])
    assert not torch.allclose(before[:, 1], after[:, 1])


def test_instance_norm_hides_level_and_scale_from_the_tokens() -> None:
    embedding, x = embed(SERIES, 16), window()
    here, there = embedding(x), embedding(x * 3 + 100)
    torch.testing.assert_close(here.values, there.values, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(there.level, here.level * 3 + 100)
    torch.testing.assert_close(there.scale, here.scale * 3)


def test_instance_norm_can_be_left_out() -> None:
    features = embed(SERIES, 16, instance_norm=False)(window())
    assert features.level is None
    assert features.scale is None


@pytest.mark.parametrize("spec", [IMAGE, TEXT, SERIES])
def test_positions_and_dropout_apply_to_every_kind(spec: Any) -> None:
    embedding = embed(spec, 16, positions="learned", dropout=0.5)
    assert isinstance(embedding.positions, LearnedPositions)
    assert embedding.positions.table.shape == (embedding.num_tokens, 16)
    assert embedding.dropout.p == 0.5


@pytest.mark.parametrize(
    ("spec", "option", "kind"),
    [
        (TEXT, {"patch_size": 4}, "text"),
        (TEXT, {"instance_norm": True}, "text"),
        (IMAGE, {"patch_stride": 4}, "pictures"),
        (IMAGE, {"channel_independent": True}, "pictures"),
    ],
)
def test_an_option_without_effect_is_said_to_have_none(spec: Any, option: dict[str, Any], kind: str) -> None:
    ((name, value),) = option.items()
    typed = str(value).lower()  # as in yaml
    with pytest.warns(UserWarning, match=rf"^model\.{name}={typed} has no effect on {kind}\.$"):
        embed(spec, 16, **option)


@pytest.mark.parametrize("spec", [IMAGE, TEXT])
def test_what_asks_for_nothing_is_no_mistake(spec: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embed(spec, 16, patch_size=None, patch_stride=None, instance_norm=False, channel_independent=None)


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        (IMAGE, {"patch_size": 13}, r"model\.patch_size=13 .* 8×12 pixels: type model\.patch_size=4"),
        (SERIES, {"patch_size": 25}, r"model\.patch_size=25 .* 24 steps: type model\.patch_size=4"),
        (SERIES, {"patch_size": 4, "patch_stride": 5}, r"model\.patch_stride=5 .* patches of 4: type"),
    ],
)
def test_impossible_patches_are_refused(spec: Any, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        embed(spec, 16, **options)


@dataclass(frozen=True)
class Tones:
    length: int


def test_a_new_kind_is_one_more_function() -> None:
    with pytest.raises(ValueError, match=r"no embedding for Tones: register one with .*embed\.register"):
        embed(Tones(5), 16)

    class TonesEmbedding(Embedding):
        def forward(self, x: torch.Tensor) -> Features:
            return Features(x.unsqueeze(2))

    @embed.register
    def _(input: Tones, dim: int, **options: Any) -> Embedding:  # noqa: ARG001
        return TonesEmbedding(num_tokens=input.length)

    assert embed(Tones(5), 16, dropout=0.1).num_tokens == 5
