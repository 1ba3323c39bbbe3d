"""Auxiliary classifiers, by themselves and in a run."""

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from iolaus.batch import Batch
from iolaus.layers.auxiliary import Auxiliary, auxiliaries_of
from iolaus.layers.heads import head
from iolaus.models.googlenet import GoogLeNet
from iolaus.schedulers import constant
from iolaus.spec import Classes, Image
from iolaus.tasks.classify import Classify

TARGET = Classes(("a", "b", "c"))


@pytest.fixture
def layer() -> Auxiliary:
    torch.manual_seed(0)
    return Auxiliary(head(TARGET, 4), weight=0.3)


def test_passes_on_what_it_reads_and_answers_once(layer: Auxiliary) -> None:
    x = torch.randn(2, 4, 3, 3)
    assert layer(x) is x
    answer = layer.take()
    assert answer is not None
    torch.testing.assert_close(answer, layer.head.project(x.mean((2, 3))))
    assert layer.take() is None


def test_is_silent_in_evaluation(layer: Auxiliary) -> None:
    layer.eval()(torch.randn(2, 4, 3, 3))
    assert layer.take() is None


def test_a_copy_has_its_weights_but_not_its_graph(layer: Auxiliary) -> None:
    layer(torch.randn(2, 4, 3, 3, requires_grad=True))
    other = copy.deepcopy(layer)
    assert other.take() is None
    assert torch.equal(other.head.project.weight, layer.head.project.weight)


def task_of(model: nn.Module) -> Classify:
    return Classify(model, TARGET, nn.CrossEntropyLoss(), partial(torch.optim.SGD, lr=0.1), constant)


def test_training_adds_the_auxiliary_losses_and_evaluation_does_not() -> None:
    torch.manual_seed(0)
    model = GoogLeNet(Image(1, 8, 8), TARGET, width=16, auxiliary=0.5, auxiliary_dropout=0.0, dropout=0.0)
    assert len(auxiliaries_of(model)) == 2
    batch = Batch(torch.randn(6, 1, 8, 8), torch.arange(6) % 3, torch.arange(6))
    task = task_of(model)
    loss = task.training_step(batch, 0)
    expected = F.cross_entropy(model(batch.input), batch.target)
    for auxiliary in auxiliaries_of(model):
        expected = expected + 0.5 * F.cross_entropy(auxiliary.take(), batch.target)
    torch.testing.assert_close(loss, expected)
    assert task.meters["train"].take()["loss"] < loss  # what is logged is the network's own
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_without_them_there_is_nothing_to_add() -> None:
    with pytest.warns(UserWarning, match=r"^model\.auxiliary_dropout=0\.5 has no effect with model\.auxiliary=0\.$"):
        model = GoogLeNet(Image(1, 8, 8), TARGET, width=16, auxiliary=0.0, auxiliary_dropout=0.5)
    assert auxiliaries_of(model) == []
