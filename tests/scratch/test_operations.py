"""Every operation against torch: values, gradients, gradients of gradients."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

from iolaus import scratch
from iolaus.scratch import Tensor
from iolaus.scratch.shapes import pad

from .against_torch import few, numbers, same, seeds, shapes

BINARY = {
    "add": (lambda a, b: a + b, None),
    "sub": (lambda a, b: a - b, None),
    "mul": (lambda a, b: a * b, None),
    "div": (lambda a, b: a / b, None),
    "pow": (lambda a, b: positive(a) ** b, None),
    "maximum": (scratch.maximum, torch.maximum),
    "minimum": (scratch.minimum, torch.minimum),
}


def positive(x):
    return x * x + 0.5


@pytest.mark.parametrize("name", BINARY)
@given(both=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4), seed=seeds)
@few
def test_two_operands_broadcast(name: str, both, seed: int):
    ours, theirs = BINARY[name]
    a, b = (numbers(seed + n, *shape) for n, shape in enumerate(both.input_shapes))
    b = b + np.sign(b) * 0.5 if name == "div" else b
    same(ours, theirs or ours, a, b)


UNARY = {
    "neg": (lambda x: -x,) * 2,
    "scaled": (lambda x: 3 - 2 * x + 1.5,) * 2,
    "over": (lambda x: 2 / (x * x + 1),) * 2,
    "square": (lambda x: x**2,) * 2,
    "cube": (lambda x: x**3.0,) * 2,
    "to the zero": (lambda x: x**0 * x,) * 2,
    "base 2": (lambda x: 2.0**x,) * 2,
    "exp": (Tensor.exp, torch.exp),
    "log": (lambda x: (x * x + 0.1).log(),) * 2,
    "sqrt": (lambda x: (x * x + 0.1).sqrt(),) * 2,
    "sin": (scratch.sin, torch.sin),
    "cos": (scratch.cos, torch.cos),
    "tanh": (scratch.tanh, torch.tanh),
    "erf": (scratch.erf, torch.erf),
    "abs": (Tensor.abs, torch.abs),
    "clamp": (lambda x: x.clamp(-0.5, 1),) * 2,
    "clamp from below": (lambda x: x.clamp(min=-0.5),) * 2,
    "clone": (lambda x: x.clone() * x,) * 2,
    "sigmoid": (scratch.sigmoid, torch.sigmoid),
    "relu": (scratch.relu, torch.relu),
    "leaky_relu": (lambda x: scratch.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    "softplus": (scratch.softplus, F.softplus),
    "gelu": (scratch.gelu, F.gelu),
    "silu": (scratch.silu, F.silu),
    "mish": (scratch.mish, F.mish),
    "where": (lambda x: scratch.where(x > 0, x * x, 2.0), lambda x: torch.where(x > 0, x * x, 2.0)),
    "used often": (lambda x: x * x + x / (x * x + 1) - x,) * 2,
}


@pytest.mark.parametrize("name", UNARY)
@given(shape=shapes, seed=seeds)
@few
def test_one_operand(name: str, shape: tuple[int, ...], seed: int):
    same(*UNARY[name], numbers(seed, *shape))


REDUCTIONS: dict[str, tuple[Callable, Callable]] = {
    "sum": (Tensor.sum, torch.sum),
    "mean": (Tensor.mean, torch.mean),
    "amax": (Tensor.amax, torch.amax),
    "amin": (Tensor.amin, torch.amin),
    "logsumexp": (Tensor.logsumexp, torch.logsumexp),
    "var": (
        lambda x, dim, keepdim: x.var(dim, keepdim, correction=0),
        lambda x, dim, keepdim: x.var(dim, correction=0, keepdim=keepdim),
    ),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@given(shape=shapes, seed=seeds, keepdim=st.booleans(), data=st.data())
@few
def test_reductions(name: str, shape: tuple[int, ...], seed: int, keepdim: bool, data: st.DataObject):
    dims = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    dim = dims[0] - len(shape) if name == "logsumexp" else tuple(dims)
    ours, theirs = REDUCTIONS[name]
    same(lambda x: ours(x, dim, keepdim), lambda x: theirs(x, dim, keepdim), numbers(seed, *shape))


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "var"])
def test_reductions_over_everything(name: str):
    same(lambda x: getattr(x, name)(), lambda x: getattr(x, name)(), numbers(0, 3, 4))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@given(shape=shapes, seed=seeds, data=st.data())
@few
def test_softmax(name: str, shape: tuple[int, ...], seed: int, data: st.DataObject):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    same(lambda x: getattr(x, name)(dim), lambda x: getattr(x, name)(dim), 10 * numbers(seed, *shape))


@given(shape=shapes, seed=seeds)
@few
def test_ties_share_the_gradient_as_in_torch(shape: tuple[int, ...], seed: int):
    a, b = np.random.default_rng(seed).integers(0, 2, (2, *shape)).astype(float)
    same(lambda x: x.amax(-1), lambda x: x.amax(-1), a)
    same(Tensor.amax, torch.amax, a)
    same(scratch.maximum, torch.maximum, a, b)
    same(scratch.minimum, torch.minimum, a, b)


def test_infinities_can_be_compared():
    a, b = np.array([np.inf, -np.inf, np.inf, 1.0]), np.array([np.inf, -np.inf, 2.0, -np.inf])
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    scratch.maximum(x, y).backward(np.ones(4))
    assert (x.grad.data.tolist(), y.grad.data.tolist()) == ([0.5, 0.5, 1.0, 1.0], [0.5, 0.5, 0.0, 0.0])


MATRICES = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((1, 5, 2, 3), (6, 1, 3, 1)),
]


@pytest.mark.parametrize(("a", "b"), MATRICES)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...]):
    same(lambda a, b: a @ b, lambda a, b: a @ b, numbers(0, *a), numbers(1, *b))


INDICES = [
    0,
    -1,
    (1, 2),
    slice(1, None),
    (slice(None), slice(None, None, 2)),
    (..., 0),
    (None, 1),
    (slice(None), None, 2),
    np.array([0, 2, 2, 1]),
    np.array([[0, 0], [3, 0]]),
    (np.array([0, 2, 2]), np.array([1, 4, 4])),
    (slice(None), np.array([1, 1])),
    np.array([True, False, True, True]),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing(index):
    same(lambda x: x[index] ** 2, lambda x: x[index] ** 2, numbers(0, 4, 5, 3))


def test_indexing_with_tensors():
    x = Tensor(numbers(0, 4, 5), requires_grad=True)
    rows, columns = np.array([0, 0, 3]), np.array([1, 1, 2])
    assert (x[Tensor(rows), Tensor(columns)].data == x.data[rows, columns]).all()
    assert (x[x > 0].data == x.data[x.data > 0]).all()


SHAPES = {
    "reshape": (lambda x: x.reshape(4, -1),) * 2,
    "permute": (lambda x: x.permute(2, 0, 1),) * 2,
    "permute from the end": (lambda x: x.permute(-1, 0, -2),) * 2,
    "transpose": (lambda x: x.transpose(0, -1),) * 2,
    "squeeze": (lambda x: x[:, :1].squeeze(1),) * 2,
    "unsqueeze": (lambda x: x.unsqueeze(-2),) * 2,
    "expand": (lambda x: x[:, :1].expand(7, 2, 3, 4),) * 2,
    "flatten": (lambda x: x.flatten(1),) * 2,
    "T": (lambda x: x[0].T,) * 2,
    "mT": (lambda x: x.mT,) * 2,
    "cat": (lambda x: scratch.cat([x, x[:, 1:] ** 2], 1), lambda x: torch.cat([x, x[:, 1:] ** 2], 1)),
    "cat at the end": (lambda x: scratch.cat([x, x], -1), lambda x: torch.cat([x, x], -1)),
    "stack": (lambda x: scratch.stack([x, x * x], 1), lambda x: torch.stack([x, x * x], 1)),
    "stack at the end": (lambda x: scratch.stack([x, x * x], -1), lambda x: torch.stack([x, x * x], -1)),
    "pad": (lambda x: pad(x, 2), lambda x: F.pad(x, (2, 2, 2, 2))),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str):
    ours, theirs = SHAPES[name]
    same(lambda x: ours(x) ** 2, lambda x: theirs(x) ** 2, numbers(0, 2, 3, 4))


@given(shape=array_shapes(min_dims=4, max_dims=4, min_side=3, max_side=7), seed=seeds, data=st.data())
@few
def test_convolution_and_pooling(shape: tuple[int, ...], seed: int, data: st.DataObject):
    size, stride, padding = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)))
    x, weight, bias = numbers(seed, *shape), numbers(seed + 1, 2, shape[1], size, size), numbers(seed + 2, 2)
    same(
        lambda *operands: scratch.conv2d(*operands, stride, padding),
        lambda *operands: F.conv2d(*operands, stride, padding),
        x,
        weight,
        bias,
    )
    same(lambda x: scratch.max_pool2d(x, size, stride), lambda x: F.max_pool2d(x, size, stride), x)
    same(lambda x: scratch.avg_pool2d(x, size, stride), lambda x: F.avg_pool2d(x, size, stride), x)


def test_max_pooling_sends_the_gradient_of_a_tie_to_the_first():
    x = np.zeros((1, 1, 4, 4))
    same(lambda x: scratch.max_pool2d(x, 2) * 1.0, lambda x: F.max_pool2d(x, 2) * 1.0, x)


EXTREMES = np.array([-1e4, -800.0, -40.0, -1e-300, 0.0, 1e-300, 40.0, 800.0, 1e4])


@pytest.mark.parametrize("name", ["sigmoid", "softmax", "log_softmax", "softplus", "silu", "mish", "gelu", "logsumexp"])
def test_large_numbers_neither_overflow_nor_vanish(name: str):
    """Warnings are errors here, so an overflow on the way would fail too."""
    ours = getattr(scratch, name)
    theirs = {**vars(F), "sigmoid": torch.sigmoid, "logsumexp": torch.logsumexp}[name]
    dims = [0] if name in ("softmax", "log_softmax", "logsumexp") else []
    x, y = Tensor(EXTREMES, requires_grad=True), torch.tensor(EXTREMES, requires_grad=True)
    for result, t in ((ours(x, *dims), x), (theirs(y, *dims), y)):
        result.sum().backward()
        assert np.isfinite(np.asarray(t.grad)).all()
    np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(ours(x, *dims).data, theirs(y, *dims).detach().numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_precision_is_kept(dtype: str):
    x = Tensor(numbers(0, 3, 4), dtype=dtype, requires_grad=True)
    steps = [x + 1, 2 * x, x**2, 1 / (x * x + 1), x.exp(), x.erf(), x.mean(), x.softmax(-1), x.var(0), scratch.gelu(x)]
    steps += [scratch.leaky_relu(x), scratch.where(x > 0, x, 0.0), scratch.maximum(x, 0.5), x.clamp(-1, 1), x.abs()]
    steps += [x @ x.T, x[0], x.amax(), scratch.mish(x)]
    for step in steps:
        assert step.dtype == dtype, step.operation
        x.grad = None
        step.sum().backward()
        assert x.grad.dtype == dtype, step.operation


def test_mixed_precision_gives_each_operand_a_gradient_of_its_own():
    x = Tensor(numbers(0, 3), dtype="float32", requires_grad=True)
    y = Tensor(numbers(1, 3), requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == ("float32", "float64")


def test_integers_and_booleans_compute_as_in_numpy():
    n = Tensor([1, 2, 3])
    assert (n + 1).dtype == np.int64
    assert (n / 2).data.tolist() == [0.5, 1.0, 1.5]
    assert (n > 1).data.tolist() == [False, True, True]
    assert (n == np.array([1, 0, 3])).data.tolist() == [True, False, True]
    assert n.argmax().item() == 2
    assert n.to(float).dtype == np.float64


def test_numpy_arrays_stand_on_either_side():
    x = Tensor([1.0, 2.0], requires_grad=True)
    array = np.array([3.0, 4.0])
    assert isinstance(array * x, Tensor)
    assert (array * x).requires_grad
    assert (array - x).data.tolist() == [2.0, 2.0]
    assert (array @ x).item() == 11.0
    with pytest.raises(TypeError):
        np.exp(x)  # would leave the graph without a word
