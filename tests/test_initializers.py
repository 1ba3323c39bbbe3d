"""Initial weights: contracts of all of them over every kind of layer, and what each one promises by itself."""

import copy
import warnings
from collections.abc import Callable
from functools import partial
from math import sqrt

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from iolaus import initializers

Initialize = Callable[[nn.Module], None]

ALL: dict[str, Initialize] = {
    "xavier_uniform": initializers.xavier_uniform,
    "xavier_normal": initializers.xavier_normal,
    "kaiming_uniform": initializers.kaiming_uniform,
    "kaiming_normal": initializers.kaiming_normal,
    "orthogonal": initializers.orthogonal,
    "sparse": initializers.sparse,
}


@pytest.fixture(params=ALL.values(), ids=ALL.keys())
def initialize(request: pytest.FixtureRequest) -> Initialize:
    return request.param


class Zoo(nn.Module):
    """One of every layer, and parameters of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 8)
        self.no_bias = nn.Linear(6, 8, bias=False)
        self.conv1d = nn.Conv1d(4, 6, 3)
        self.conv2d = nn.Conv2d(4, 6, 3, groups=2)
        self.depthwise = nn.Conv2d(6, 6, 3, groups=6)
        self.conv3d = nn.Conv3d(1, 2, 3)
        self.transposed = nn.ConvTranspose2d(4, 6, 2, groups=2)
        self.rnn = nn.RNN(4, 6, num_layers=2)
        self.lstm = nn.LSTM(4, 6, bidirectional=True, proj_size=3)
        self.gru = nn.GRU(4, 6)
        self.cell = nn.LSTMCell(4, 6)
        self.attention = nn.MultiheadAttention(8, 2, add_bias_kv=True)
        self.cross_attention = nn.MultiheadAttention(8, 2, kdim=4)
        self.batch_norm = nn.BatchNorm2d(6)
        self.layer_norm = nn.LayerNorm(6)
        self.group_norm = nn.GroupNorm(2, 6)
        self.rms_norm = nn.RMSNorm(6)
        self.plain_norm = nn.LayerNorm(6, elementwise_affine=False)
        self.words = nn.Embedding(10, 6, padding_idx=0)
        self.positions = nn.Parameter(torch.randn(1, 5, 6))
        self.class_token = nn.Parameter(torch.randn(1, 1, 6))


NORMS = ("batch_norm", "layer_norm", "group_norm", "rms_norm")
UNTOUCHED = ("words.weight", "positions", "class_token", "attention.bias_k", "attention.bias_v")


def zoo() -> Zoo:
    """With every parameter away from where an initializer would put it, but for the embedding's padding."""
    torch.manual_seed(0)
    model = Zoo()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(7)
        model.words.weight[0] = 0
    return model


def test_every_weight_is_filled_and_every_bias_known(initialize: Initialize) -> None:
    model = zoo()
    initialize(model)
    for name, parameter in model.named_parameters():
        layer, _, kind = name.rpartition(".")
        if name in UNTOUCHED:
            continue
        if layer in NORMS:
            assert torch.equal(parameter, torch.full_like(parameter, float(kind == "weight"))), name
        elif "bias" in kind:
            forget = slice(6, 12) if layer in ("lstm", "cell") and "bias_ih" in kind else slice(0)
            expected = torch.zeros_like(parameter)
            expected[forget] = 1
            assert torch.equal(parameter, expected), name
        else:
            assert parameter.abs().max() < 5, name  # no longer around 7
            assert parameter.std() > 0.05, name


def test_what_has_a_meaning_of_its_own_is_left_alone(initialize: Initialize) -> None:
    model = zoo()
    before = {name: model.get_parameter(name).clone() for name in UNTOUCHED}
    initialize(model)
    for name, parameter in before.items():
        assert torch.equal(model.get_parameter(name), parameter), name


def test_head_that_shares_its_weights_with_the_embedding(initialize: Initialize) -> None:
    model = nn.ModuleDict({"words": nn.Embedding(10, 6), "head": nn.Linear(6, 10)})
    model["head"].weight = model["words"].weight
    before = model["words"].weight.detach().clone()
    initialize(model)
    assert model["head"].weight is model["words"].weight
    assert torch.equal(model["words"].weight, before)


def test_layers_that_start_silent_stay_so(initialize: Initialize) -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Linear(3, 3))
    for layer in model:
        nn.init.zeros_(layer.weight)
    initialize(model)
    assert not any(layer.weight.any() for layer in model)


def test_weights_follow_from_the_seed(initialize: Initialize) -> None:
    def weights(seed: int) -> list[Tensor]:
        model = zoo()
        torch.manual_seed(seed)
        initialize(model)
        return [parameter.detach() for parameter in model.parameters()]

    assert all(map(torch.equal, weights(3), weights(3)))
    assert not all(map(torch.equal, weights(3), weights(4)))


def test_gradients_are_still_wanted(initialize: Initialize) -> None:
    model = zoo()
    initialize(model)
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in model.parameters())


def test_default_leaves_all_as_it_was() -> None:
    model = zoo()
    before = copy.deepcopy(model.state_dict())
    initializers.default(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


# The size of the weights. Each block of these stacks has its own fans; all are large enough for sharp statistics.

SIZED: dict[str, tuple[nn.Module, str, int, int, int]] = {  # module, weight, blocks, fan in, fan out
    "linear": (nn.Linear(200, 300), "weight", 1, 200, 300),
    "conv": (nn.Conv2d(30, 40, 3), "weight", 1, 30 * 9, 40 * 9),
    "grouped": (nn.Conv2d(60, 80, 3, groups=2), "weight", 2, 30 * 9, 40 * 9),
    "transposed": (nn.ConvTranspose2d(60, 80, 3, groups=2), "weight", 2, 30 * 9, 40 * 9),
    "lstm input": (nn.LSTM(100, 200), "weight_ih_l0", 4, 100, 200),
    "gru state": (nn.GRU(100, 200), "weight_hh_l0", 3, 200, 200),
    "rnn cell": (nn.RNNCell(100, 200), "weight_ih", 1, 100, 200),
    "attention": (nn.MultiheadAttention(160, 2), "in_proj_weight", 3, 160, 160),
}


@pytest.fixture(params=SIZED.values(), ids=SIZED.keys())
def sized(request: pytest.FixtureRequest) -> tuple[nn.Module, str, int, int, int]:
    torch.manual_seed(0)
    module, *rest = request.param
    return copy.deepcopy(module), *rest


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_variance_of_xavier(sized: tuple[nn.Module, str, int, int, int], kind: str) -> None:
    module, name, num_blocks, fan_in, fan_out = sized
    getattr(initializers, f"xavier_{kind}")(module, gain=3.0)
    for block in module.get_parameter(name).chunk(num_blocks):
        assert block.std().item() == pytest.approx(3 * sqrt(2 / (fan_in + fan_out)), rel=0.03)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_variance_of_kaiming(sized: tuple[nn.Module, str, int, int, int], kind: str, mode: str) -> None:
    module, name, num_blocks, fan_in, fan_out = sized
    getattr(initializers, f"kaiming_{kind}")(module, mode=mode, nonlinearity="leaky_relu", negative_slope=0.5)
    fan = {"fan_in": fan_in, "fan_out": fan_out}[mode]
    for block in module.get_parameter(name).chunk(num_blocks):
        assert block.std().item() == pytest.approx(sqrt(2 / 1.25 / fan), rel=0.03)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("family", ["xavier", "kaiming"])
def test_uniform_has_an_edge_and_normal_has_none(family: str, kind: str) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(400, 400)
    getattr(initializers, f"{family}_{kind}")(linear)
    largest = linear.weight.abs().max() / linear.weight.std()
    assert (largest > 3) == (kind == "normal")
    assert largest > sqrt(3) * 0.99


def test_slope_without_leaky_relu_is_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"initializer\.negative_slope=0\.2 has no effect"):
        initializers.kaiming_normal(nn.Linear(2, 2), negative_slope=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        initializers.kaiming_normal(nn.Linear(2, 2), negative_slope=0.2, nonlinearity="leaky_relu")


@pytest.mark.parametrize(
    ("module", "name", "num_blocks"),
    [
        (nn.Linear(5, 9), "weight", 1),
        (nn.Linear(9, 5), "weight", 1),
        (nn.Conv2d(2, 6, 3), "weight", 1),
        (nn.Conv2d(6, 12, 3, groups=3), "weight", 3),
        (nn.Conv2d(6, 6, 3, groups=6), "weight", 6),
        (nn.LSTM(5, 7), "weight_ih_l0", 4),
        (nn.LSTM(5, 7), "weight_hh_l0", 4),
        (nn.LSTM(5, 7, proj_size=3), "weight_hr_l0", 1),
        (nn.GRU(5, 7, bidirectional=True), "weight_hh_l0_reverse", 3),
        (nn.RNN(5, 7, num_layers=2), "weight_ih_l1", 1),
        (nn.MultiheadAttention(8, 2), "in_proj_weight", 3),
    ],
)
def test_orthogonal_block_by_block(module: nn.Module, name: str, num_blocks: int) -> None:
    initializers.orthogonal(module, gain=2.0)
    for block in module.get_parameter(name).chunk(num_blocks):
        matrix = block.flatten(1)
        wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        torch.testing.assert_close(wide @ wide.T, 4 * torch.eye(len(wide)), atol=1e-5, rtol=0)


def test_orthogonal_transposed_convolution_keeps_lengths() -> None:
    layer = nn.ConvTranspose2d(4, 12, 2, stride=2)  # each pixel becomes a square of its own: outputs × what each sees
    initializers.orthogonal(layer)
    matrix = layer.weight.transpose(0, 1).flatten(1)  # (12, 4 · 4)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(12), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layer", [nn.Linear(50, 40), nn.Conv2d(5, 8, (5, 2)), nn.LSTM(50, 10)])
def test_sparse_units_hear_the_same_number_of_inputs(layer: nn.Module) -> None:
    initializers.sparse(layer, sparsity=0.8)
    weight = next(layer.parameters())
    assert (weight.flatten(1) != 0).sum(dim=1).tolist() == [10] * len(weight)


def test_sparse_keeps_the_variance_whatever_the_sparsity() -> None:
    torch.manual_seed(0)
    x = torch.randn(500, 400)
    for sparsity in (0.0, 0.5, 0.99):
        layer = nn.Linear(400, 400)
        initializers.sparse(layer, sparsity=sparsity, gain=2.0)
        assert layer(x).std().item() == pytest.approx(2, rel=0.1)


def test_sparse_leaves_no_unit_without_inputs() -> None:
    for layer in (nn.Linear(3, 9), nn.Conv2d(4, 4, 1, groups=4)):
        initializers.sparse(layer, sparsity=0.99)
        assert (layer.weight.flatten(1) != 0).sum(dim=1).tolist() == [1] * len(layer.weight)


@pytest.mark.parametrize("make", [partial(nn.Conv1d, 8, 8, 3), partial(nn.Linear, 8, 8)])
def test_weight_normed_layers_get_the_weight_itself(make: Callable[[], nn.Module]) -> None:
    layer = weight_norm(make())
    initializers.orthogonal(layer, gain=3.0)
    rows = layer.weight.flatten(1)
    torch.testing.assert_close(rows @ rows.T, 9 * torch.eye(8), atol=1e-4, rtol=0)


def test_depth_neither_fades_nor_explodes() -> None:
    torch.manual_seed(0)
    depth, width = 30, 256
    relu_net = nn.Sequential(*(layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())))
    linear_net = nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))
    x = torch.randn(64, width)
    for initialize in (initializers.kaiming_normal, initializers.kaiming_uniform):
        initialize(relu_net)
        assert 0.3 < relu_net(x).square().mean() < 3
    initializers.orthogonal(linear_net)
    torch.testing.assert_close(linear_net(x).norm(dim=1), x.norm(dim=1), rtol=1e-4, atol=0)
