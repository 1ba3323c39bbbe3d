"""Losses against torch's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from iolaus import scratch
from iolaus.scratch import Tensor

from .against_torch import few, numbers, same, seeds, shapes

reductions = st.sampled_from(["mean", "sum", "none"])


@pytest.mark.parametrize("name", ["MSELoss", "HuberLoss", "BCEWithLogitsLoss"])
@given(shape=shapes, seed=seeds, reduction=reductions)
@few
def test_losses_of_real_outputs(name: str, shape: tuple[int, ...], seed: int, reduction: str):
    ours, theirs = (getattr(library, name)(reduction=reduction) for library in (scratch, nn))
    same(ours, theirs, 2 * numbers(seed, *shape), numbers(seed + 1, *shape))


def test_huber_bends_at_delta():
    same(scratch.HuberLoss(delta=0.3), nn.HuberLoss(delta=0.3), numbers(0, 20), numbers(1, 20))


@given(shape=shapes, seed=seeds, reduction=reductions)
@few
def test_binary_cross_entropy(shape: tuple[int, ...], seed: int, reduction: str):
    random = np.random.default_rng(seed)
    target, probability = random.random(shape), random.uniform(0.05, 0.95, shape)
    ours, theirs = scratch.BCELoss(reduction), nn.BCELoss(reduction=reduction)
    same(lambda x: ours(x, Tensor(target)), lambda x: theirs(x, torch.tensor(target)), probability)


@given(num_samples=st.integers(1, 6), num_classes=st.integers(1, 6), seed=seeds, reduction=reductions)
@few
def test_cross_entropy(num_samples: int, num_classes: int, seed: int, reduction: str):
    target = np.random.default_rng(seed).integers(0, num_classes, num_samples)
    ours, theirs = scratch.CrossEntropyLoss(reduction), nn.CrossEntropyLoss(reduction=reduction)
    same(ours, theirs, 5 * numbers(seed, num_samples, num_classes), target)


@pytest.mark.parametrize("name", ["BCEWithLogitsLoss", "CrossEntropyLoss"])
def test_huge_logits_give_finite_losses(name: str):
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]])
    target = np.array([0, 0]) if name == "CrossEntropyLoss" else np.array([[1.0, 0.0], [1.0, 0.0]])
    ours, theirs = getattr(scratch, name)(), getattr(nn, name)()
    assert ours(Tensor(logits), Tensor(target)).item() == theirs(torch.tensor(logits), torch.tensor(target)).item()


def test_a_certain_mistake_costs_no_infinity():
    with np.errstate(divide="ignore"):
        loss = scratch.BCELoss()(Tensor([0.0, 1.0]), Tensor([1.0, 1.0]))
    assert loss.item() == nn.BCELoss()(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0])).item() == 50


@pytest.mark.parametrize("name", ["MSELoss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss"])
def test_shapes_are_not_broadcast(name: str):
    """(B, 1) against (B,) would compare every output with every target."""
    with pytest.raises(ValueError, match=rf"{name}: the output's shape \(4, 1\) is not the target's \(4,\)"):
        getattr(scratch, name)()(Tensor(np.full((4, 1), 0.5)), Tensor(np.full(4, 0.5)))


@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        ((4, 3), [0, 1, 2, 3], "classes from 0 to 3, the output 3"),
        ((4, 3), [0, 1, 2, -1], "classes from -1 to 2"),
        ((4, 3), [0, 1, 2], "reads an output"),
        ((4, 3), [0.0, 1.0, 2.0, 0.0], "not .* float64"),
        ((2, 2, 3), [[0, 1], [1, 2]], "reshape them"),
    ],
)
def test_targets_that_are_no_classes(output: tuple[int, ...], target: list, message: str):
    with pytest.raises(ValueError, match=message):
        scratch.CrossEntropyLoss()(Tensor(np.ones(output)), Tensor(target))


def test_an_unknown_reduction():
    with pytest.raises(ValueError, match="reduction='average'"):
        scratch.MSELoss("average")
