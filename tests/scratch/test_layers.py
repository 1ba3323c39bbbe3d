"""Every layer against torch's, with the same weights under the same names."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from iolaus import scratch
from iolaus.scratch import Module, Tensor

from .against_torch import close, few, numbers, same, same_module, seeds

sizes = st.integers(1, 5)


@given(leading=st.lists(sizes, max_size=2), seed=seeds, bias=st.booleans())
@few
def test_linear(leading: list[int], seed: int, bias: bool):
    same_module(scratch.Linear(3, 4, bias), nn.Linear(3, 4, bias), numbers(seed, *leading, 3))


@pytest.mark.parametrize("shape", [(3,), (5, 3)])
def test_neuron_is_a_linear_layer_with_one_output(shape: tuple[int, ...]):
    neuron = scratch.Neuron(3)
    weight, bias = torch.tensor(neuron.weight.data), torch.tensor(neuron.bias.data)
    same(neuron, lambda x: torch.tanh(nn.functional.linear(x, weight[None], bias[None])[..., 0]), numbers(0, *shape))


def test_embedding():
    index = np.array([[0, 3, 3], [1, 0, 3]])
    ours, theirs = scratch.Embedding(4, 5), nn.Embedding(4, 5).double()
    ours.load_state_dict({"weight": theirs.weight.detach().numpy()})
    close(ours(Tensor(index)), theirs(torch.tensor(index)))
    weights = numbers(0, 2, 3, 5)
    (ours(Tensor(index)) * weights).sum().backward()
    (theirs(torch.tensor(index)) * torch.tensor(weights)).sum().backward()
    close(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize("cell", ["RNNCell", "GRUCell", "LSTMCell"])
@given(batch=sizes, input_size=sizes, hidden_size=sizes, seed=seeds)
@few
def test_recurrent_cells_over_three_steps(cell: str, batch: int, input_size: int, hidden_size: int, seed: int):
    def read(module, xs, h, c):
        state = (h, c) if cell == "LSTMCell" else h * c
        for n in range(3):
            state = module(xs[n], state)
        return state[0] * state[1] if cell == "LSTMCell" else state

    x, h, c = (
        numbers(seed, 3, batch, input_size),
        numbers(seed + 1, batch, hidden_size),
        numbers(seed, batch, hidden_size),
    )
    ours, theirs = getattr(scratch, cell)(input_size, hidden_size), getattr(nn, cell)(input_size, hidden_size)
    same_module(ours, theirs, x, h, c, call=read)


@given(channels=sizes, size=st.integers(1, 3), stride=st.integers(1, 2), padding=st.integers(0, 2), bias=st.booleans())
@few
def test_convolution(channels: int, size: int, stride: int, padding: int, bias: bool):
    options = (channels, 4, size, stride, padding)
    same_module(scratch.Conv2d(*options, bias=bias), nn.Conv2d(*options, bias=bias), numbers(0, 2, channels, 6, 5))


@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
@pytest.mark.parametrize("options", [(2,), (3, 1), (2, 3)])
def test_pooling(name: str, options: tuple[int, ...]):
    same_module(getattr(scratch, name)(*options), getattr(nn, name)(*options), numbers(0, 2, 3, 7, 6))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (4, 3, 2, 5)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(shape: tuple[int, ...], training: bool):
    """`same_module` also compares the running averages."""
    ours = scratch.BatchNorm(3).train(training)
    theirs = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](3).double().train(training)
    theirs.load_state_dict(
        {name: torch.rand_like(value.double()) + 0.5 for name, value in theirs.state_dict().items()}, strict=False
    )
    same_module(ours, theirs, numbers(0, *shape))


@given(leading=st.lists(sizes, max_size=2), width=st.integers(2, 6), seed=seeds)
@few
def test_layer_norm(leading: list[int], width: int, seed: int):
    same_module(scratch.LayerNorm(width), nn.LayerNorm(width), numbers(seed, *leading, width))


@pytest.mark.parametrize("num_heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_attention(num_heads: int, masked: bool):
    hidden = np.triu(np.ones((3, 3), bool), 1) if masked else None
    ours = scratch.MultiheadAttention(8, num_heads)
    theirs = nn.MultiheadAttention(8, num_heads, batch_first=True)

    def attend(module, x, y):
        mask = hidden if module is ours or hidden is None else torch.tensor(hidden)
        output, weights = module(x, y, x * y, attn_mask=mask)
        return output + weights.sum(-1)[..., None] + (weights * weights)[..., :1]

    same_module(ours, theirs, numbers(0, 2, 3, 8), numbers(1, 2, 3, 8), call=attend)


def test_attention_over_another_sequence():
    ours, theirs = scratch.MultiheadAttention(6, 2), nn.MultiheadAttention(6, 2, batch_first=True)
    same_module(ours, theirs, numbers(0, 2, 3, 6), numbers(1, 2, 5, 6), call=lambda module, q, k: module(q, k, k)[0])


ACTIVATIONS = [("Sigmoid",), ("Tanh",), ("ReLU",), ("LeakyReLU", 0.2), ("Softmax", -1), ("GELU",), ("SiLU",), ("Mish",)]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation[0])
def test_activations(activation: tuple):
    name, *options = activation
    same_module(getattr(scratch, name)(*options), getattr(nn, name)(*options), numbers(0, 3, 4))


def test_dropout():
    scratch.manual_seed(0)
    dropout, x = scratch.Dropout(0.25), Tensor(np.ones((1000, 10)), requires_grad=True)
    y = dropout(x)
    y.sum().backward()
    assert set(np.unique(y.data)) == {0.0, 1 / 0.75}
    assert abs((y.data == 0).mean() - 0.25) < 0.02
    assert (x.grad.data == y.data).all()
    assert dropout.eval()(x) is x


def test_seeds_make_draws_repeat():
    draws = []
    for seed in (1, 1, 2):
        scratch.manual_seed(seed)
        dropped = scratch.Dropout(0.5)(Tensor(np.ones(100))).data
        draws.append((scratch.Linear(3, 2).weight.data, scratch.randn(4).data, scratch.rand(4).data, dropped))
    assert all((a == b).all() for a, b in zip(draws[0], draws[1], strict=True))
    assert not any((a == b).all() for a, b in zip(draws[0], draws[2], strict=True))


def test_a_whole_network():
    """A picture classifier and its like in torch, from pixels to logits."""

    def network(library, normalization):
        convolutions = [library.Conv2d(1, 4, 3, padding=1), normalization(4), library.GELU(), library.MaxPool2d(2)]
        return library.Sequential(*convolutions, library.Flatten(), library.Linear(36, 8), library.Tanh())

    same_module(network(scratch, scratch.BatchNorm), network(nn, nn.BatchNorm2d), numbers(0, 5, 1, 6, 6))


WRONG = [
    (lambda: scratch.Embedding(3, 2)(Tensor([0, 3])), "asked for 0 to 3"),
    (lambda: scratch.Embedding(3, 2)(Tensor([-1])), "asked for -1"),
    (lambda: scratch.Embedding(3, 2)(Tensor([1.0])), "looks up integers, not float64"),
    (lambda: scratch.Conv2d(3, 2, 3)(Tensor(np.ones((1, 1, 5, 5)))), r"reads \(B, 3, H, W\), not \(1, 1, 5, 5\)"),
    (lambda: scratch.MaxPool2d(3)(Tensor(np.ones((1, 1, 2, 5)))), "window of 3×3 does not fit"),
    (lambda: scratch.BatchNorm(2)(Tensor(np.ones((1, 2)))), "larger batches"),
    (lambda: scratch.Dropout(1.0), "p=1.0"),
    (lambda: scratch.MultiheadAttention(6, 4), "num_heads=4"),
    (lambda: scratch.Linear(3, 2)(Tensor(np.ones((5, 4)))), r"\(5, 4\) and \(3, 2\)"),
]


@pytest.mark.parametrize(("build", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_does_not_fit_is_said(build, message: str):
    with pytest.raises(ValueError, match=message):
        build()


def test_every_layer_is_compared_with_torchs():
    """A new layer is to be added above."""
    layers = {name for name, kind in vars(scratch).items() if isinstance(kind, type) and issubclass(kind, Module)}
    known = {
        "Module",
        "Sequential",
        "Neuron",
        "Linear",
        "Embedding",
        "Flatten",
        "RNNCell",
        "GRUCell",
        "LSTMCell",
        "Conv2d",
    }
    known |= {
        "MaxPool2d",
        "AvgPool2d",
        "BatchNorm",
        "BatchNorm1d",
        "BatchNorm2d",
        "LayerNorm",
        "MultiheadAttention",
        "Dropout",
    }
    assert {name for name in layers if not name.endswith("Loss")} == known | {name for name, *_ in ACTIVATIONS}
