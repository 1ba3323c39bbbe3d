"""Norms against torch's own on what is left when padding is cut away."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from iolaus.layers.norms import Norm, norm_layer

B, L, D, H, W = 4, 6, 8, 3, 5
LENGTHS = [6, 2, 4, 1]


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(L) < torch.tensor(LENGTHS)[:, None]


def stir(norm: nn.Module) -> nn.Module:
    """Weights and biases that are not 1 and 0, so that forgetting them shows."""
    with torch.no_grad():
        for parameter in norm.parameters(recurse=False):
            parameter.copy_(torch.randn_like(parameter))
    return norm


def standardized(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5)


MAP_REFERENCES = {
    "batch": lambda x: standardized(x, (0, 2, 3)),
    "layer": lambda x: standardized(x, (1,)),
    "group": lambda x: standardized(x, (1, 2, 3)),  # eight channels: one group
    "instance": lambda x: standardized(x, (2, 3)),
    "rms": lambda x: x / torch.sqrt(x.square().mean(1, keepdim=True) + torch.finfo(x.dtype).eps),
    "adaptive": lambda x: standardized(x, (1,)),  # at first; what it learns is below
    "none": lambda x: x,
}


@pytest.mark.parametrize("name", get_args(Norm))
def test_on_maps(name: Norm) -> None:
    x = torch.randn(B, D, H, W) * 3 + 1
    torch.testing.assert_close(norm_layer(name, D, spatial=True)(x), MAP_REFERENCES[name](x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", get_args(Norm))
@pytest.mark.parametrize("spatial", [True, False])
def test_weight_and_bias_apply_to_the_features(name: Norm, spatial: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn((B, D, H, W) if spatial else (B, L, D))
    plain, stirred = norm_layer(name, D, spatial=spatial), stir(norm_layer(name, D, spatial=spatial))
    shape = (D, 1, 1) if spatial else (D,)
    weight = stirred.weight.view(shape) if name != "none" else 1.0
    bias = stirred.bias.view(shape) if name not in ("none", "rms") else 0.0
    torch.testing.assert_close(stirred(x), plain(x) * weight + bias)


@pytest.mark.parametrize("name", get_args(Norm))
def test_padding_of_sequences_has_no_part(name: Norm, mask: Tensor) -> None:
    """However much of it there is and whatever stands there, in values, gradients and what the norm remembers."""
    torch.manual_seed(0)
    norm, other = norm_layer(name, D), norm_layer(name, D)
    x = torch.randn(B, L, D)
    longer = torch.cat([x.where(mask.unsqueeze(2), 100.0), torch.full((B, 3, D), -50.0)], dim=1)
    longer_mask = torch.cat([mask, torch.zeros(B, 3, dtype=torch.bool)], dim=1)
    for _ in range(2):
        expected, out = norm(x, mask)[mask], other(longer, longer_mask)[longer_mask]
        torch.testing.assert_close(out, expected)
    assert all(torch.allclose(a, b) for a, b in zip(norm.buffers(), other.buffers(), strict=True))
    torch.testing.assert_close(other.eval()(longer, longer_mask)[longer_mask], norm.eval()(x, mask)[mask])


def test_batch_norm_of_sequences_equals_torchs_over_the_real_tokens(mask: Tensor) -> None:
    torch.manual_seed(0)
    ours, theirs = norm_layer("batch", D), nn.BatchNorm1d(D)
    for _ in range(3):
        x = torch.randn(B, L, D) * 2 + 1
        torch.testing.assert_close(ours(x, mask)[mask], theirs(x[mask]))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    assert ours.num_batches_tracked == theirs.num_batches_tracked
    torch.testing.assert_close(ours.eval()(x, mask)[mask], theirs.eval()(x[mask]))


def test_instance_norm_of_sequences_equals_torchs_on_each(mask: Tensor) -> None:
    torch.manual_seed(0)
    x, norm = torch.randn(B, L, D), norm_layer("instance", D)
    out = norm(x, mask)
    for sample, length in enumerate(LENGTHS[:3]):
        expected = nn.functional.instance_norm(x[sample : sample + 1, :length].transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(out[sample : sample + 1, :length], expected)
    torch.testing.assert_close(norm(x), norm(x, torch.ones(B, L, dtype=torch.bool)))


@pytest.mark.parametrize("name", get_args(Norm))
def test_nothing_but_padding_gives_numbers(name: Norm) -> None:
    x, nothing = torch.randn(2, L, D), torch.zeros(2, L, dtype=torch.bool)
    assert norm_layer(name, D)(x, nothing).isfinite().all()


TOKEN_REFERENCES = {
    "layer": lambda x: standardized(x, (2,)),
    "group": lambda x: standardized(x.unflatten(2, (2, 8)), (3,)).flatten(2),  # sixteen features: two groups
    "rms": lambda x: x / torch.sqrt(x.square().mean(2, keepdim=True) + torch.finfo(x.dtype).eps),
    "adaptive": lambda x: standardized(x, (2,)),
    "none": lambda x: x,
}


@pytest.mark.parametrize("name", TOKEN_REFERENCES)
def test_on_single_tokens(name: Norm) -> None:
    x = torch.randn(B, L, 16) * 3 + 1
    torch.testing.assert_close(norm_layer(name, 16)(x), TOKEN_REFERENCES[name](x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize(("dim", "number"), [(1, 1), (7, 1), (10, 1), (16, 2), (32, 4), (128, 16), (768, 32)])
def test_a_groups_features_are_enough_to_differ(dim: int, number: int, spatial: bool) -> None:
    assert norm_layer("group", dim, spatial=spatial).num_groups == number


def learned(norm: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return norm


def test_adaptive_norm_is_layer_norm_with_what_the_samples_mean_says(mask: Tensor) -> None:
    x = torch.randn(B, L, D)
    norm = learned(norm_layer("adaptive", D))
    out = norm(x, mask)
    for sample, length in enumerate(LENGTHS):
        tokens = x[sample, :length]
        scale, shift = norm.condition(tokens.mean(dim=0, keepdim=True))
        expected = nn.functional.layer_norm(tokens, (D,)) * (norm.weight + scale) + norm.bias + shift
        torch.testing.assert_close(out[sample, :length], expected)


def test_adaptive_norm_knows_the_level_that_layer_norm_takes_away() -> None:
    x = torch.randn(B, D, H, W)
    plain, adaptive = norm_layer("layer", D, spatial=True), learned(norm_layer("adaptive", D, spatial=True))
    torch.testing.assert_close(plain(x + 5), plain(x), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(adaptive(x + 5), adaptive(x), rtol=1e-2, atol=1e-2)
    sequence = learned(norm_layer("adaptive", D))
    flat = x.flatten(2).transpose(1, 2)
    torch.testing.assert_close(adaptive(x).flatten(2).transpose(1, 2), sequence(flat))


def test_instance_norm_refuses_maps_of_one_place() -> None:
    with pytest.raises(ValueError, match=r"model\.norm=instance .* type model\.norm=group"):
        norm_layer("instance", D, spatial=True)(torch.randn(2, D, 1, 1))
