"""Every mistake on the command line is named in one sentence, before data are read and before a folder is made."""

import time
from pathlib import Path

import pytest

from iolaus.cli.settle import explain_all
from tests.conftest import Command
from tests.mistakes import assert_one_sentence

# What the user typed, and what the one sentence must hold.
MISTAKES = [
    (["model=transfomer"], ["model=transfomer", "did you mean transformer?"]),
    (["optimzer=adamw"], ["optimzer", "did you mean optimizer?"]),
    (["optimzer.lr=0.1"], ["optimzer", "did you mean optimizer?"]),
    (["optimizer.lrr=0.1"], ["optimizer.lrr", "did you mean lr?"]),
    (["seeds=3"], ["seeds", "did you mean seed?"]),
    (["+typo.key=1"], ["typo", "no such group or option"]),
    (["+optimizer.forech=true"], ["optimizer.forech", "did you mean foreach?"]),
    (["optimizer.lr=fast"], ["optimizer.lr=fast", "number"]),
    (["optimizer.lr=-1"], ["optimizer=adamw", "learning rate"]),
    (["model.dim=-3"], ["model.dim=-3", "greater than or equal to 1"]),
    (["model.dim=12.5"], ["model.dim=12.5", "integer"]),
    (["model.dropout=1.5"], ["model.dropout=1.5", "less than 1"]),
    (["model.activation=rellu"], ["model.activation=rellu", "relu"]),
    (["model=transformer", "model.dim=100", "model.num_heads=3"], ["model.dim=100", "model.num_heads=3"]),
    (["model=resnet", "task=segment", "data=scenes"], ["model=resnet cannot answer", "Mask", "unet"]),
    (["model=resnet", "data=reviews"], ["model=resnet", "data=reviews", "Text", "models that can", "lstm"]),
    (["model=textcnn", "data=digits"], ["model=textcnn", "data=digits", "resnet"]),
    (["task=forecast"], ["task=forecast", "Classes", "classify"]),
    (["task=language_model"], ["task=language_model", "Text", "data=digits", "data that do: imdb,", "reviews"]),
    (["data=etth1", "task=classify"], ["task=classify", "Forecast", "forecast"]),
    (["loss=mse"], ["loss=mse", "task=classify", "asymmetric, cross_entropy, dice, focal, label_smoothing, poly."]),
    (["loss=cross_entropy", "data=co2"], ["loss=cross_entropy", "task=forecast", "huber, mae, mse."]),
    (["loss=quantile", "data=co2"], ["loss=quantile", "task=forecast", "huber, mae, mse."]),
    (["data.batch_size=0"], ["data.batch_size=0", "greater than or equal to 1"]),
    (["data.val_fraction=2"], ["data.val_fraction=2"]),
    (["data=images"], ["data.root", "required"]),
    (["trainer.max_epochs=many"], ["trainer.max_epochs=many", "integer"]),
    (["trainer.precision=13"], ["trainer", "13"]),
    (["trainer.precision=bf16-true"], ["trainer.precision=bf16-true", "'bf16-mixed'"]),
    (["model=convnext", "model.norm=instance"], ["model.norm=instance", "'layer'"]),
    (["trainer=gpu"], ["trainer=gpu", "gpu"]),
    (["scheduler.factor=2", "scheduler=step"], ["scheduler.factor=2", "less than or equal to 1"]),
    (["callbacks.early_stopping.patience=0"], ["callbacks.early_stopping.patience=0"]),
    (["callbacks.ema.decay=3"], ["decay"]),
    (["callbacks.ema=0.99"], ["callbacks.ema=0.99", "type callbacks.ema.decay=0.99."]),
    (["callbacks.early_stopping=5"], ["callbacks.early_stopping=5", "type callbacks.early_stopping.patience="]),
    (["callbacks.l1=null"], ["callbacks.l1=null", "type callbacks.l1.strength=null."]),
    (["finetune.every=3"], ["there is no finetune.every", "nothing can be set there"]),
    (["model=last_value", "data=co2", "model.norm=batch"], ["model.norm", "nothing can be set there"]),
    (["optimizer.foreach=true"], ["type +optimizer.foreach=true"]),
    (["lr=0.1"], ["there is no lr", "did you mean optimizer.lr?"]),
    (["epochs=3"], ["there is no epochs", "did you mean trainer.max_epochs?"]),
    (["batch_size=3"], ["did you mean trainer.batch_size or data.batch_size?"]),
    (["callbacks.progress=null"], ["callbacks.progress", "type ~callbacks.progress"]),
    (["seed=-1"], ["seed=-1"]),
    (["trainer.log_every_n_steps=0"], ["trainer.log_every_n_steps=0"]),
    (["trainer.gradient_clip_val=-1"], ["trainer.gradient_clip_val=-1"]),
    (["loss=ce"], ["there is no loss ce", "did you mean cross_entropy?"]),
    (["finetune=LoRA"], ["there is no finetune LoRA", "did you mean lora?"]),
    (["loss._target_=os.system"], ["os.system", "outside"]),
    (["loss._target_=builtins.open"], ["builtins.open", "outside"]),
    (
        ["loss._target_=iolaus.losses.classes.Fraction"],
        ["iolaus.losses.classes.Fraction", "not a class or function of"],
    ),
    (["~loss._target_"], ["loss", "does not say what to build"]),
    (["model._target_=iolaus.models.resnet.nn.Linear"], ["nn.Linear", "not a class or function of iolaus.models"]),
    (["model._target_=torch.nn.Linear"], ["torch.nn.Linear", "outside iolaus.models"]),
    (["data._target_=iolaus.data.download.extract"], ["makes no DataModule", "annotated"]),
    (["data._target_=iolaus.data.images.images.ImageData"], ["derive from"]),
    (["optimizer._target_=pytorch_optimizer.load_optimizer"], ["makes no Optimizer"]),
    (["initializer._target_=iolaus.initializers.sqrt"], ["not a class or function"]),
    (["loss._target_=torch.nn.CrossEntrpyLoss"], ["torch.nn.CrossEntrpyLoss", "cannot be imported"]),
    (["resume=nowhere"], ["resume=nowhere", "not a run's folder"]),
    (["init_from=nowhere"], ["init_from=nowhere", "no such folder", "init_from=hf:nowhere"]),
    (["seed=tomorrow"], ["seed=tomorrow", "integer"]),
    (["model.dim"], ["model.dim", "KEY=VALUE"]),
    (["model=mlp,resnet", "data=reviews"], ["model=resnet", "data=reviews"]),  # one point of a sweep
]


@pytest.mark.parametrize(("overrides", "expected"), MISTAKES, ids=lambda value: " ".join(value))
def test_a_mistake_is_one_sentence_that_names_it(overrides: list[str], expected: list[str]) -> None:
    assert_one_sentence(explain_all(overrides), expected)


def test_all_mistakes_are_reported_at_once() -> None:
    problems = explain_all(["model=transfomer", "optimizer.lrr=1", "seeds=3", "data.batch_sise=2"])
    assert len(problems) == 4
    problems = explain_all(["model=transfomer", "model.num_heads=3", "optimizer.lr=fast", "+typo.key=1"])
    assert len(problems) == 3  # of a model that there is not, nothing is known to be wrong


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["+optimizer.foreach=true"],
        ["+trainer.limit_train_batches=2"],
        ["optimizer.betas=[0.9,0.95]"],
        ["model=mlp,transformer", "optimizer=adamw,sgd"],
        ["callbacks.early_stopping.patience=3", "callbacks.ema.decay=0.99"],
    ],
    ids=" ".join,
)
def test_what_is_right_passes(overrides: list[str]) -> None:
    assert explain_all(overrides) == []


def test_the_command_exits_with_2_in_seconds_and_leaves_nothing_behind(fresh_command: Command, tmp_path: Path) -> None:
    started = time.monotonic()
    result = fresh_command("model=transfomer", "optimizer.lr=fast", "+typo.key=1")
    seconds = time.monotonic() - started
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 3
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []
    assert seconds < 60  # a hang, not slowness; how fast it is stands in the benchmarks


def test_an_option_with_dashes_is_not_ignored(command: Command, tmp_path: Path) -> None:
    result = command("--model=lstm", "trainer=debug", "--seed", "1")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error: --model=lstm: options have no dashes: type model=lstm.",
        "error: --seed: options have no dashes: type seed=….",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_flag_may_stand_between_overrides(command: Command) -> None:
    result = command("model=mlp,rnn", "-m", "seed=5", "sweep.dry_run=true")
    assert result.returncode == 0, result.stderr
    assert "Nothing was run." in result.stdout


def test_a_used_folder_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    result = command("run_dir=mine")
    assert result.returncode == 2
    assert "run_dir=mine is not empty" in result.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_an_unknown_run_is_one_sentence_for_verbs_too(command: Command) -> None:
    for arguments in (["evaluate", "nowhere"], ["predict", "nowhere", "--input", "x.csv"]):
        result = command(*arguments, verb=True)
        assert result.returncode == 2
        assert (
            result.stderr
            == "error: nowhere is not a run's folder: it has no config.yaml (the newest run is outputs/latest).\n"
        )
