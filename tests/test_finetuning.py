"""How a model goes on learning from weights that it starts from: by the stages that every architecture names."""

import json
import math
import re
from collections import OrderedDict
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from iolaus.layers.lora import LoRALinear, merge_lora
from iolaus.models.googlenet import GoogLeNet
from iolaus.models.gpt import GPT
from iolaus.models.transformer import Transformer
from iolaus.models.vit import ViT
from iolaus.optimizers import parameter_groups
from iolaus.spec import Classes, Forecast, Image, Series, Text, Vocabulary
from iolaus.transfer.finetuning import Discriminative, Full, Gradual, Head, LoRA
from iolaus.transfer.weights import copy_weights
from tests.conftest import Command
from tests.models.test_contract import LEARNERS, Case

ONE_EACH = list({case.name: case for case in reversed(LEARNERS)}.values())
TWO = Classes(("a", "b"))
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


def vit(size: tuple[int, int], **options: Any) -> Any:
    return ViT(Image(3, *size), TWO, dim=16, num_layers=1, num_heads=2, patch_size=4, **options)


def transformer(size: tuple[int, int]) -> Any:
    return Transformer(Image(3, *size), TWO, dim=16, num_layers=1, num_heads=2, patch_size=4)


def table_of(model: Any) -> Tensor:
    return (model.begin if isinstance(model, ViT) else model.embedding).positions.table.detach()


def grid_of(size: tuple[int, int]) -> tuple[int, int]:
    return math.ceil(size[0] / 4), math.ceil(size[1] / 4)


def with_slope(model: Any, size: tuple[int, int]) -> tuple[Any, tuple[int, int]]:
    """The model, with where in the picture a patch stands, from 0 to 1, as the first two values of its position."""
    table, grid = table_of(model), grid_of(size)
    patches = table[len(table) - math.prod(grid) :].unflatten(0, grid)
    patches[..., 0] = ((torch.arange(grid[0]) + 0.5) / grid[0])[:, None]
    patches[..., 1] = (torch.arange(grid[1]) + 0.5) / grid[1]
    return model, grid


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


@pytest.mark.parametrize("name", ["resnet", "resnet9", "densenet", "textcnn", "unet"])
def test_features_of_which_the_head_learns_have_no_dropout_between_stages_either(name: str) -> None:
    case = next(case for case in ONE_EACH if case.name == name)
    model: Any = case.build(spatial_dropout=0.5)
    Head().adapt(model)
    Head().on_train_epoch_start(None, SimpleNamespace(model=model.train()))  # type: ignore[arg-type]
    assert torch.equal(model.features(case.x()).values, model.features(case.x()).values)
    assert model.head.training


@each
def test_one_more_stage_learns_from_time_to_time(case: Case) -> None:
    model: Any = case.build()
    stages = [stage for stage in model.stages() if any(True for _ in stage.parameters())]
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=0.01, weight_decay=0.1)
    gradual = Gradual(every=2)
    for epoch in range(2 * len(stages) + 3):
        before = [[parameter.clone() for parameter in stage.parameters()] for stage in stages]
        case.loss(model).backward()
        gradual.on_after_backward(SimpleNamespace(current_epoch=epoch), SimpleNamespace(model=model))  # type: ignore[arg-type]
        optimizer.step()
        optimizer.zero_grad()
        num = min(len(stages), 1 + epoch // 2)
        moves = [
            any(not torch.equal(now, then) for now, then in zip(stage.parameters(), old, strict=True))
            for stage, old in zip(stages, before, strict=True)
        ]
        assert moves == [False] * (len(stages) - num) + [True] * num


def test_a_run_that_goes_on_within_an_epoch_freezes_what_its_start_had_frozen() -> None:
    model: Any = next(case for case in ONE_EACH if case.name == "cnn").build()
    trainer, task = SimpleNamespace(current_epoch=0), SimpleNamespace(model=model.train())
    Head().on_train_start(trainer, task)  # type: ignore[arg-type]
    assert [stage.training for stage in model.stages()] == [False] * (len(model.stages()) - 1) + [True]


@pytest.mark.parametrize("devices", [("trainer=cpu",), ("trainer=ddp", "trainer.accelerator=cpu")], ids=" ".join)
def test_stages_that_wait_stay_as_they_were_whatever_moves_weights(
    devices: tuple[str, ...], command: Command, tmp_path: Path
) -> None:
    model = ("model=mlp", "model.dim=16", "model.num_layers=2", "trainer.max_epochs=1", "data.batch_size=128")
    assert command(*model, "run_dir=first").returncode == 0
    moving = (
        "optimizer=adamw", "optimizer.weight_decay=0.5", "callbacks.l1.strength=0.01", "callbacks.ema.decay=0.5",
        "trainer.gradient_clip_val=0.1",
    )  # fmt: skip
    result = command(*model, *moving, *devices, "init_from=first", "finetune=gradual", "run_dir=run")
    assert result.returncode == 0, result.stderr
    before, after = (
        torch.load(tmp_path / run / "checkpoints" / f"{which}.ckpt", weights_only=True)["state_dict"]
        for run, which in (("first", "best"), ("run", "last"))
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if name.startswith("model.head.")}


@each
def test_stages_learn_the_slower_the_earlier(case: Case) -> None:
    model: Any = case.build()
    stages = [stage for stage in model.stages() if any(True for _ in stage.parameters())]
    optimizer = Discriminative(factor=0.5).rated(lambda groups: torch.optim.AdamW(groups, lr=1.0), model)(
        parameter_groups(model)
    )
    rate_of = {p: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert rate_of.keys() == set(model.parameters())
    for depth, stage in enumerate(reversed(stages)):
        assert {rate_of[p] for p in stage.parameters()} == {0.5**depth}
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


@pytest.mark.parametrize("name", ["gpt", "textcnn"])
def test_stages_without_weights_take_no_rate(name: str) -> None:
    gpt: Any = GPT(Text(40, 12), Vocabulary(40), dim=16, num_layers=2, num_heads=2)  # its head is the table of words
    model = gpt if name == "gpt" else next(case for case in ONE_EACH if case.name == name).build()
    with_weights = [any(True for _ in stage.parameters()) for stage in model.stages()]
    assert not all(with_weights)
    rates = [rate for rate, has in zip(Discriminative().rates(model), with_weights, strict=True) if has]
    assert rates == [0.5**depth for depth in reversed(range(len(rates)))]


def test_texts_longer_than_the_positions_are_refused() -> None:
    options: dict[str, Any] = {"dim": 16, "num_layers": 1, "num_heads": 2}
    long, short = (GPT(Text(40, length), Vocabulary(40), **options) for length in (12, 7))
    with pytest.raises(ValueError, match=r"know 7 positions, and the texts .* up to 12 tokens: type data\.length=7\.$"):
        copy_weights(long, dict(short.state_dict()))


@pytest.mark.parametrize(
    "build", [vit, partial(vit, pooling="mean"), transformer], ids=["class", "mean", "transformer"]
)
@pytest.mark.parametrize(
    ("before", "now"), [((32, 32), (16, 16)), ((16, 16), (32, 32)), ((16, 64), (32, 32)), ((30, 17), (9, 24))], ids=str
)
def test_positions_of_pictures_are_resized(build: Any, before: tuple[int, int], now: tuple[int, int]) -> None:
    """Of a table whose values say where in the picture they stand, the middle is that of the other picture, too."""
    model, (theirs, grid), (_, new) = build(now), with_slope(build(before), before), (None, grid_of(now))
    copy_weights(model, dict(theirs.state_dict()), Image(3, *before))
    table = table_of(model)
    num_before = len(table) - math.prod(new)
    assert torch.equal(table[:num_before], table_of(theirs)[:num_before])
    found = table[num_before:].unflatten(0, new)
    rows = (torch.arange(new[0]) + 0.5) / new[0]
    columns = (torch.arange(new[1]) + 0.5) / new[1]
    error = 0.5 / min(*grid, *new)  # beyond the middle of the outermost patch there is nothing to learn from
    torch.testing.assert_close(found[..., 0], rows[:, None].expand(new), rtol=0, atol=error)
    torch.testing.assert_close(found[..., 1], columns.expand(new), rtol=0, atol=error)


def test_positions_of_square_pictures_need_no_telling() -> None:
    theirs, model, told = vit((32, 32)), vit((16, 16)), vit((16, 16))
    copy_weights(model, dict(theirs.state_dict()))
    copy_weights(told, dict(theirs.state_dict()), Image(3, 32, 32))
    assert torch.equal(table_of(model), table_of(told))


def test_positions_of_other_windows_are_refused() -> None:
    options: dict[str, Any] = {"dim": 16, "num_layers": 1, "num_heads": 2, "patch_size": 8}
    long, short = (Transformer(Series(2, length), Forecast(2, 4), **options) for length in (64, 32))
    with pytest.raises(ValueError, match=r"do not fit this model, first at embedding\.positions\.table"):
        copy_weights(short, dict(long.state_dict()))


@pytest.mark.parametrize("auxiliary", [0.3, 0.0])
@pytest.mark.parametrize("names", ["ab", "abcde"])
def test_googlenet_starts_from_one_with_other_classes_or_other_heads(
    auxiliary: float, names: str, caplog: pytest.LogCaptureFixture
) -> None:
    def build(names: str, auxiliary: float) -> GoogLeNet:
        return GoogLeNet(Image(3, 16, 16), Classes(tuple(names)), width=8, auxiliary=auxiliary)

    theirs, model, fresh = dict(build("ab", 0.3).state_dict()), build(names, auxiliary), build(names, auxiliary)
    first = dict(model.state_dict())
    fresh.load_state_dict(first)
    with caplog.at_level("INFO"):
        copy_weights(model, theirs)
    for name, weight in model.state_dict().items():
        is_anew = weight.shape != theirs[name].shape
        assert torch.equal(weight, fresh.state_dict()[name] if is_anew else theirs[name])
        assert not is_anew or name.rpartition(".")[0].endswith("head.project")
    assert ("starts anew" in caplog.text) == (names != "ab")
    assert ("that this model does not have are left out" in caplog.text) == (auxiliary == 0)
    back = build("ab", 0.3)
    copy_weights(back, dict(model.state_dict()))


def test_a_run_starts_from_one_with_pictures_of_another_shape(command: Command) -> None:
    few = ("trainer.max_epochs=1", "+trainer.limit_train_batches=2", "model.dim=16", "model.num_layers=1")
    small = ("model=vit", *few, "model.num_heads=2", "model.patch_size=2", "optimizer.lr=0.0")
    assert command(*small, "data=digits", "run_dir=first").returncode == 0
    result = command(*small, "data=sums", "init_from=first", "run_dir=second")
    assert result.returncode == 0, result.stderr
    assert "the positions of 4×4 patches are resized to 4×8" in result.stdout


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


def test_weights_of_which_none_fit_are_refused() -> None:
    here, there = (nn.Sequential(OrderedDict(head=nn.Linear(8, number))) for number in (5, 4))
    with pytest.raises(ValueError, match=r"none of the weights fit: head\.bias is \(4,\) there, \(5,\) here"):
        copy_weights(here, there.state_dict())
