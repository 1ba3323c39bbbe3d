"""Modules: finding parameters, switching modes, saving and loading."""

import copy
from pathlib import Path

import numpy as np
import pytest

from iolaus import scratch
from iolaus.scratch import BatchNorm, Dropout, Linear, Module, Parameter, Sequential, Tanh, Tensor


class Nested(Module):
    """Parameters in every place where they are looked for."""

    def __init__(self) -> None:
        self.scale = Parameter(1.0)
        self.heads = [Linear(2, 1), {"last": Linear(2, 1)}]
        self.body = Sequential(Linear(2, 2), Dropout(), BatchNorm(2))
        self.tied = self.body
        self.loop = self
        self.name = "nested"

    def forward(self, x: Tensor) -> Tensor:
        return self.heads[0](self.body(x)) * self.scale


def test_parameters_are_found_once_each_by_their_paths():
    assert [name for name, _ in Nested().named_parameters()] == [
        "scale",
        *("heads.0.weight", "heads.0.bias", "heads.1.last.weight", "heads.1.last.bias"),
        *("body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias"),
    ]


def test_buffers_are_saved_but_not_learned():
    model = Nested()
    names = {name for name, _ in model.named_tensors()} - {name for name, _ in model.named_parameters()}
    assert names == {"body.2.running_mean", "body.2.running_var"}
    assert names < model.state_dict().keys()


def test_modes_reach_every_module():
    model = Nested()
    assert all(not module.training for module in model.eval().modules())
    assert all(module.training for module in model.train().modules())


def test_save_and_load(tmp_path: Path):
    model, other, x = Nested(), Nested(), Tensor(np.random.default_rng(0).normal(size=(4, 2)))
    model(x)  # moves the running averages
    model.save(tmp_path / "model.npz")
    other.load(tmp_path / "model.npz")
    assert (model.eval()(x).data == other.eval()(x).data).all()
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert set(file) == set(model.state_dict())


def test_the_path_is_taken_as_it_is(tmp_path: Path):
    Linear(1, 1).save(tmp_path / "weights")
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_a_state_that_does_not_fit_changes_nothing():
    model = Linear(2, 1)
    before = model.state_dict()
    with pytest.raises(ValueError, match="has bias, extra"):
        model.load_state_dict({"weight": before["weight"], "extra": before["bias"]})
    with pytest.raises(ValueError, match=r"bias has shape \(1,\), in the state \(3,\)"):
        model.load_state_dict({"weight": before["weight"] + 1, "bias": np.zeros(3)})
    assert (model.weight.data == before["weight"]).all()


def test_the_state_is_a_copy():
    model = Linear(2, 1)
    state = model.state_dict()
    state["weight"] += 1
    assert (model.weight.data != state["weight"]).all()


def test_to_changes_the_precision_of_everything():
    model = Nested().to("float32")
    assert {str(tensor.dtype) for _, tensor in model.named_tensors()} == {"float32"}
    y = model(Tensor(np.ones((3, 2)), dtype="float32"))
    y.sum().backward()
    assert {y.dtype, model.scale.grad.dtype} == {np.dtype("float32")}


def test_zero_grad():
    model = Linear(2, 1)
    model(Tensor([[1.0, 2.0]])).sum().backward()
    model.zero_grad()
    assert [parameter.grad for parameter in model.parameters()] == [None, None]


def test_copies_learn_on_their_own():
    model = Sequential(Linear(2, 2), Tanh())
    other = copy.deepcopy(model)
    scratch.SGD(other.parameters(), lr=1.0)
    other(Tensor([[1.0, 2.0]])).sum().backward()
    assert model(Tensor([[1.0, 2.0]])).shape == (1, 2)
    assert next(model.parameters()).grad is None


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        Module()(Tensor(1.0))
