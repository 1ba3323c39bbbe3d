"""`check_gradients` finds what is wrong, and only that; it also checks the rest once more, without torch."""

import numpy as np
import pytest

from iolaus import scratch
from iolaus.scratch import Tensor, check_gradients, grad
from iolaus.scratch.tensor import apply

from .against_torch import numbers


@pytest.fixture
def x() -> Tensor:
    return Tensor(numbers(0, 2, 3), requires_grad=True)


def test_right_gradients_pass(x):
    y = Tensor(numbers(1, 3), requires_grad=True)
    before = x.data
    assert check_gradients(lambda x, y: scratch.gelu(x @ y) * x.exp().sum(), x, y)
    assert x.data is before


def test_wrong_gradients_are_named(x):
    def wrong(x):
        return apply("square", np.square, (x, lambda g, _: g * x))  # forgets the 2

    with pytest.raises(ValueError, match=r"input 1 is wrong at \(0, 0\).* \(6 of 6 numbers differ\)"):
        check_gradients(lambda _, x: wrong(x), Tensor(1.0), x)


def test_gradients_of_gradients_pass(x):
    assert check_gradients(lambda x: grad((x**3).tanh().sum(), [x], create_graph=True)[0], x)


def test_a_layer_with_its_parameters(x):
    layer = scratch.LSTMCell(3, 2)
    state = (Tensor(numbers(1, 2, 2)), Tensor(numbers(2, 2, 2)))
    assert check_gradients(lambda x, *_: layer(x, state)[0], x, *layer.parameters())


def test_what_cannot_be_checked():
    with pytest.raises(ValueError, match="no input needs a gradient"):
        check_gradients(lambda x: x * x, Tensor(1.0))
    with pytest.raises(ValueError, match="float32, too coarse"):
        check_gradients(lambda x: x * x, Tensor(1.0, dtype="float32", requires_grad=True))
