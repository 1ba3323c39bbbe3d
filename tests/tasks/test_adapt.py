"""Domain adaptation: what is compared, what the gradients do, and that no class of the other domain is looked at."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from iolaus.cli.settle import explain_all
from iolaus.config import build
from iolaus.config.compose import compose
from iolaus.losses.domains import Adversary, Coral, covariance, with_gradient
from tests.conftest import Command

SMALL = ("data=digits_domains", "model=cnn", "model.dim=8", "model.num_layers=2", "trainer=cpu")


def features(seed: int, num: int = 12) -> torch.Tensor:
    return torch.randn(num, 5, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_a_gradient_is_reversed_and_values_stay() -> None:
    x = features(0)
    y = with_gradient(x, -0.5)
    assert torch.equal(x, y)
    y.sum().backward()
    assert x.grad is not None
    assert (x.grad == -0.5).all()


def test_coral_is_the_distance_of_covariances() -> None:
    one, two = features(0), features(1, num=7)
    assert torch.allclose(covariance(one), torch.cov(one.T), atol=1e-6)
    expected = (torch.cov(one.T) - torch.cov(two.T)).square().sum() / (4 * 5 * 5)
    found = Coral(5)(one, two, 3.0)
    torch.testing.assert_close(found, expected)
    (scaled,) = torch.autograd.grad(found, one)
    (plain,) = torch.autograd.grad(expected, one)
    torch.testing.assert_close(scaled, 3 * plain)
    assert Coral(5)(one, one, 1.0) == 0


def test_coral_compares_in_full_what_is_nearly_alike_in_mixed_precision() -> None:
    one = features(0)
    two = one.detach() + 1e-3 * features(1).detach()
    expected = Coral(5)(one.double(), two.double(), 1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = Coral(5)(one, two, 1.0)
    torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=0)


def test_the_adversary_learns_what_the_features_unlearn() -> None:
    adversary, one, two = Adversary(5), features(0), features(1)
    found = adversary(one, two, 0.7)
    said = adversary.layers(torch.cat([one, two])).squeeze(1)
    expected = F.binary_cross_entropy_with_logits(said, torch.cat([torch.ones(12), torch.zeros(12)]))
    torch.testing.assert_close(found, expected)
    weights = list(adversary.parameters())
    *mine, of_features = torch.autograd.grad(found, [*weights, one], retain_graph=True)
    *plain, forward = torch.autograd.grad(expected, [*weights, one])
    torch.testing.assert_close(mine, plain)
    torch.testing.assert_close(of_features, -0.7 * forward)


def test_features_do_not_deceive_the_adversary_by_being_small() -> None:
    adversary, one, two = Adversary(5), features(0), features(1)
    torch.testing.assert_close(adversary(0.1 * one, 0.1 * two, 1.0), adversary(one, two, 1.0), atol=1e-4, rtol=1e-3)


def built(*overrides: str) -> tuple[Any, Any]:
    config = compose([*SMALL, *overrides]).config
    data = build.build_data(config)
    data.setup()
    model = build.build_model(config, data.input, data.target)
    return build.build_task(config, model, data.input, data.target), data


@pytest.mark.parametrize("by", ["dann", "coral"])
def test_a_step_adds_the_gap_to_the_loss_of_the_labelled(by: str) -> None:
    task, data = built(f"task.by={by}", "task.ramp=0", "task.weight=2")
    batch = data.on_after_batch_transfer(replace(data.train.batch(torch.arange(16)), seed=3), 0)
    total = task.training_step(batch, 0)
    vectors = task.head.vectors(task.model.features(torch.cat([batch.input, batch.unlabelled])))
    expected = task.loss(task.head.project(vectors[:16]), batch.target) + task.gap(vectors[:16], vectors[16:], 2.0)
    torch.testing.assert_close(total, expected)
    means = task.means("train")
    assert means["loss"] + means["gap"] == pytest.approx(total.item())
    total.backward()
    assert all(parameter.grad is not None for group in task._groups for parameter in group["params"])
    assert {id(p) for p in task.parameters()} == {id(p) for group in task._groups for p in group["params"]}


def test_the_weight_rises_as_in_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    task, _ = built("task.weight=2", "task.ramp=10")
    found = []
    for epoch in (0, 5, 10, 20):
        monkeypatch.setattr(type(task), "current_epoch", epoch)
        found.append(task.strength())
    assert found == pytest.approx([0.0, 2 * 0.98661, 2 * 0.99991, 2 * 0.99991], abs=1e-4)


@pytest.mark.parametrize("by", ["dann", "coral"])
def test_no_class_of_the_other_domain_changes_what_is_learned(by: str) -> None:
    losses = []
    for label in (None, 7):
        task, data = built(f"task.by={by}")
        if label is not None:
            data.other.labels.fill_(label)
            data.test.labels.fill_(label)
        batch = replace(data.train.batch(torch.arange(16)), seed=3)
        losses.append(task.training_step(data.on_after_batch_transfer(batch, 0), 0).item())
    assert losses[0] == losses[1]


def test_a_run_is_resumed_exactly_tested_on_the_other_domain_and_rebuilt(command: Command, tmp_path: Path) -> None:
    options = (*SMALL, "task.by=dann", "data.crop=1")
    assert command(*options, "trainer.max_epochs=2", "run_dir=whole").returncode == 0
    assert command(*options, "trainer.max_epochs=1", "run_dir=halves").returncode == 0
    assert command("resume=halves", "trainer.max_epochs=2").returncode == 0
    states = [
        torch.load(tmp_path / name / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for name in ("whole", "halves")
    ]
    assert "gap.layers.1.weight" in states[0]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    result = command("evaluate", "whole", verb=True)
    assert result.returncode == 0, result.stderr
    first, again = (
        json.loads((tmp_path / "whole" / path).read_text())
        for path in ("summary.json", "evaluate/digits_domains/summary.json")
    )
    assert again["test/accuracy"] == pytest.approx(first["test/accuracy"])
    assert command(*SMALL, "task=classify", "trainer.max_epochs=1", "run_dir=plain").returncode == 0
    joined = command("ensemble", "whole", "plain", verb=True)  # whatever their objective: both name the same classes
    assert joined.returncode == 0, joined.stderr


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["task=adapt"], "task=adapt cannot learn Classes, which data=digits gives"),
        (["data=digits_domains", "model=scratch_mlp"], "which this one does not show"),
        (["data=digits_domains", "task.by=mmd"], "task.by=mmd"),
        (["data=digits_domains", "task=embed"], "task=embed cannot learn Domains"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(overrides: list[str], sentence: str) -> None:
    (problem,) = explain_all(overrides)
    assert sentence in problem
