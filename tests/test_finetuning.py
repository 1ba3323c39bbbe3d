"""How a model goes on learning from weights that it starts from: by the stages that every architecture names."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from iolaus.layers.lora import LoRALinear, merge_lora
from iolaus.models.gpt import GPT
from iolaus.optimizers import parameter_groups
from iolaus.spec import Text, Vocabulary
from iolaus.transfer.finetuning import Discriminative, Full, Gradual, Head, LoRA
from iolaus.transfer.weights import copy_weights
from tests.conftest import Command
from tests.models.test_contract import LEARNERS, Case

ONE_EACH = list({case.name: case for case in reversed(LEARNERS)}.values())
each = pytest.mark.parametrize("case", ONE_EACH, ids=str)
with_linear = pytest.mark.parametrize(
    "case", [case for case in ONE_EACH if case.name in ("bert", "gpt", "mlp")], ids=str
)


def learning(stages: list[nn.Module]) -> list[bool]:
    """Which stages learn; a stage learns as a whole or not at all."""
    found = []
    for stage in stages:
        wants = {parameter.requires_grad for parameter in stage.parameters()}
        assert len(wants) <= 1
        found.append(wants == {True})
    return found


@each
def test_the_head_alone_learns_from_features_that_stay(case: Case) -> None:
    model: Any = case.build(dropout=True)
    Head().adapt(model)
    stages = model.stages()
    assert learning(stages) == [False] * (len(stages) - 1) + [True]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Head().on_train_epoch_start(None, SimpleNamespace(model=model.train()))  # type: ignore[arg-type]
    optimizer = torch.optim.SGD(parameter_groups(model), lr=0.1)
    case.loss(model).backward()
    optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("head.") for name in changed)  # no statistics of norms, either


@each
def test_one_more_stage_learns_from_time_to_time(case: Case) -> None:
    model: Any = case.build()
    stages = [stage for stage in model.stages() if any(True for _ in stage.parameters())]
    gradual = Gradual(every=2)
    for epoch in range(2 * len(stages) + 3):
        gradual.on_train_epoch_start(SimpleNamespace(current_epoch=epoch), SimpleNamespace(model=model))  # type: ignore[arg-type]
        num = min(len(stages), 1 + epoch // 2)
        assert learning(stages) == [False] * (len(stages) - num) + [True] * num


def test_a_run_that_goes_on_within_an_epoch_freezes_what_its_start_had_frozen() -> None:
    model: Any = next(case for case in ONE_EACH if case.name == "cnn").build()
    trainer, task = SimpleNamespace(current_epoch=0), SimpleNamespace(model=model.train())
    Head().on_train_start(trainer, task)  # type: ignore[arg-type]
    assert [stage.training for stage in model.stages()] == [False] * (len(model.stages()) - 1) + [True]
    Gradual().on_train_start(trainer, task)  # type: ignore[arg-type]
    assert sum(learning(model.stages())) == 1


@each
def test_stages_learn_the_slower_the_earlier(case: Case) -> None:
    model: Any = case.build()
    stages = model.stages()
    optimizer = Discriminative(factor=0.5).rated(lambda groups: torch.optim.AdamW(groups, lr=1.0), model)(
        parameter_groups(model)
    )
    rate_of = {p: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert rate_of.keys() == set(model.parameters())
    for depth, stage in enumerate(reversed(stages)):
        assert {rate_of[p] for p in stage.parameters()} <= {0.5**depth}
    decays = {p: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    plain = torch.optim.AdamW(parameter_groups(model), lr=1.0).param_groups
    assert decays == {p: group["weight_decay"] for group in plain for p in group["params"]}


def test_full_changes_nothing() -> None:
    model = ONE_EACH[0].build()

    def optimizer(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, lr=1.0)

    assert Full().rated(optimizer, model) is optimizer


@with_linear
def test_adapters_begin_without_effect_learn_and_can_be_merged(case: Case) -> None:
    model: Any = case.trained()
    plain, x = model(case.x()), case.x()
    frozen = {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("head.")}
    LoRA(rank=2).adapt(model)
    torch.testing.assert_close(model(x), plain)
    adapters = [module for module in model.modules() if isinstance(module, LoRALinear)]
    assert adapters
    assert not any(isinstance(module, LoRALinear) for module in model.head.modules())
    list(case.train(model, 5))
    assert not torch.allclose(model(x), plain)
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in frozen.items())
    assert all(adapter.weight_up.any() for adapter in adapters)
    merged: Any = case.build(seed=3).eval()
    copy_weights(merged, merge_lora(dict(after)))
    torch.testing.assert_close(merged(x), model.eval()(x))


def test_stages_that_never_learn_are_warned_of() -> None:
    module: Any = SimpleNamespace(model=ONE_EACH[0].build())
    num_stages = len([stage for stage in module.model.stages() if any(True for _ in stage.parameters())])
    wanted = 5 * (num_stages - 1) + 1
    with pytest.warns(UserWarning, match=f"lets 1 of {num_stages} stages learn in 5 epochs.*max_epochs={wanted} on"):
        Gradual(every=5).on_fit_start(SimpleNamespace(max_epochs=5), module)  # type: ignore[arg-type]
    Gradual(every=5).on_fit_start(SimpleNamespace(max_epochs=wanted), module)  # type: ignore[arg-type]


def test_what_cannot_be_done_is_said() -> None:
    lstm = next(case for case in ONE_EACH if case.name == "resnet").build()
    with pytest.raises(ValueError, match="finetune=lora changes linear layers, and this model has none"):
        LoRA().adapt(lstm)
    gpt = GPT(Text(40, 12), Vocabulary(40), dim=16, num_layers=1, num_heads=2)
    with pytest.raises(ValueError, match=r"finetune=head: this model's head has no weights of its own"):
        Head().adapt(gpt)


def test_longer_positions_are_cut_to_what_is_read() -> None:
    options: dict[str, Any] = {"dim": 16, "num_layers": 1, "num_heads": 2}
    long, short = (GPT(Text(40, length), Vocabulary(40), **options).eval() for length in (12, 7))
    copy_weights(short, dict(long.state_dict()))
    x = torch.randint(5, 40, (2, 7))
    torch.testing.assert_close(short(x), long(x))


def test_a_language_model_becomes_a_classifier_with_adapters(command: Command, tmp_path: Path) -> None:
    small = ("model.dim=16", "model.num_layers=2", "model.num_heads=2", "trainer.max_epochs=1")
    few = "+trainer.limit_train_batches=3"
    result = command(
        "model=bert", "task=masked_language_model", "data.framed=true", "data.length=20", *small, few, "run_dir=words"
    )
    assert result.returncode == 0, result.stderr
    assert "test/perplexity" in result.stdout
    result = command(
        "model=bert",
        "init_from=words",
        "finetune=lora",
        "finetune.rank=2",
        "initializer=orthogonal",
        *small,
        few,
        "data.length=16",
        "run_dir=run",
    )
    assert result.returncode == 0, result.stderr
    assert "the head has another size and starts anew" in result.stdout
    assert "initializer=… reaches only what init_from=… does not bring" in result.stdout
    assert re.search(r"model  bert: [\d,]+ parameters, [\d,]+ of which learn", result.stdout)
    weights = torch.load(tmp_path / "run/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert any(name.endswith("query.weight_up") for name in weights)
    words = torch.load(tmp_path / "words/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(weights["model.embedding.words.weight"], words["model.embedding.words.weight"])
    result = command("evaluate", "run", verb=True)
    assert result.returncode == 0, result.stderr
    first, again = (
        json.loads((tmp_path / "run" / place / "summary.json").read_text()) for place in (".", "evaluate/reviews")
    )
    assert again["test/loss"] == pytest.approx(first["test/loss"], rel=1e-5)
    result = command("model=bert", "init_from=run", *small, few, "data.length=16", "run_dir=third")
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stdout
