"""What runs are made of when they are interrupted: every choice that ships, and what else may come in between."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from iolaus.config.compose import CONF, options
from iolaus.config.targets import resolve
from iolaus.layers.heads import head
from iolaus.spec import Vector
from tests.faults.pairs import Value
from tests.models.small import small

Options = dict[str, Any]

NUM_BATCHES, NUM_EPOCHS = 6, 2
_NAIVE = {"last_value", "seasonal_value"}  # nothing to learn, and nothing to resume
_DATA = ("digits", "reviews", "co2", "transductions", "scenes", "sums")  # one of each kind, built in
_WITH_LINEAR_LAYERS = ("mlp", "transformer", "gpt", "bert", "vit")


def _shipped(group: str, usual: str) -> dict[str, Options]:
    names = sorted(options(group), key=lambda name: (name != usual, name))
    return {name: {group: name} for name in names if name not in _NAIVE}


# A factor's values and what each adds to the command line. The first of each is what a run does unless it is told.
FACTORS: dict[str, dict[str, Options]] = {
    "model": _shipped("model", "mlp"),
    "data": {name: {"data": name} for name in _DATA},
    "task": {
        "its own": {},
        "language model": {"task": "language_model"},
        "masked language model": {"task": "masked_language_model", "data.framed": "true"},
        "quantile": {"task": "forecast_quantile"},
        "embed": {"task": "embed"},
        "adaptation": {"task": "adapt", "task.ramp": 1, "data": "digits_domains"},
    },
    "augmentation": {
        "none": {},
        "mixup": {"data.mixup": 0.4, "data.flip": "true"},
        "cutmix": {"data.cutmix": 1.0, "data.crop": 1, "data.cutout": 2},
        "word dropout": {"data.word_dropout": 0.2},
    },
    "finetune": {name: {"finetune": name} for name in ("full", "gradual", "discriminative", "head", "lora")},
    "optimizer": _shipped("optimizer", "adamw"),
    "scheduler": _shipped("scheduler", "constant"),
    "average": {
        "none": {},
        "moving": {"callbacks.ema.decay": 0.9},
        "of epochs": {"callbacks.swa.start": 0},
    },
    "penalty": {"none": {}, "l1": {"callbacks.l1.strength": 1e-3}},
    "snapshots": {"none": {}, "kept": {"callbacks.snapshots.last": 3}},  # where the schedule restarts
    "clipping": {"none": {}, "by norm": {"trainer.gradient_clip_val": 0.5}},
    "precision": {"float32": {"trainer.precision": "32-true"}, "bfloat16": {"trainer.precision": "bf16-mixed"}},
    "validation": {
        "after epochs": {},
        "within epochs": {"+trainer.val_check_interval": 4},
        "twice an epoch": {"+trainer.val_check_interval": 3},
    },
    "stopping": {
        "no": {},
        "early": {
            "callbacks.early_stopping.patience": 1,
            "callbacks.early_stopping.min_delta": 1000,  # at the second validation
            "trainer.max_epochs": NUM_EPOCHS + 1,
        },
    },
    "accumulation": {"none": {}, "two batches": {"trainer.accumulate_grad_batches": 2}},
    "processes": {
        "one": {"trainer": "cpu"},
        "two": {"trainer": "ddp", "trainer.accelerator": "cpu", "trainer.devices": 2},
    },
}
_GROUPED = ("model", "data", "task", "augmentation", "finetune")  # what fits one does not fit all the others
FREE = [factor for factor in FACTORS if factor not in (*_GROUPED, "processes")]

_OF_SCHEDULERS: dict[str, Options] = {
    "plateau": {"scheduler.patience": 0},
    "cosine_restarts": {"scheduler.cycles": 4, "callbacks.snapshots.last": 2},
}
_EVERY_RUN = {
    "data.batch_size": 16,
    "trainer.max_epochs": NUM_EPOCHS,
    "trainer.log_every_n_steps": 2,
    "+trainer.limit_train_batches": NUM_BATCHES,
    "+trainer.limit_val_batches": 2,
    "+trainer.limit_test_batches": 2,
    "callbacks.checkpoint.every_n_steps": 2,
}


def overrides(chosen: dict[str, str]) -> list[str]:
    """The command line of a run that is as small as it can be, so that what is tried is everything else."""
    found: Options = {}
    for factor, names in FACTORS.items():
        found |= names[chosen.get(factor, next(iter(names)))]
    found = _EVERY_RUN | found | {f"model.{key}": value for key, value in _small(found["model"]).items()}
    found |= _OF_SCHEDULERS.get(found["scheduler"], {})
    return [f"{key}={_typed(value)}" for key, value in found.items()]


def groups() -> Iterator[list[Value]]:
    """Models with what they read, and what can be done with both."""
    for model in FACTORS["model"]:
        for data in filter(lambda name: _reads(model, name), _DATA):
            for task in _tasks(model, data):
                for augmentation in _augmentations(data, task):
                    for finetune in _finetunings(model, data, task):
                        yield list(zip(_GROUPED, (model, data, task, augmentation, finetune), strict=True))


_TASKS = {
    ("gpt", "reviews"): "language model",
    ("bert", "reviews"): "masked language model",
    ("cnn", "digits"): "adaptation",
}


def _augmentations(data: str, task: str) -> list[str]:
    mixing = [] if task == "embed" else ["mixup", "cutmix"]  # it wants samples of one class each
    return ["none", *{"digits": mixing, "reviews": ["word dropout"]}.get(data, [])]


def _tasks(model: str, data: str) -> list[str]:
    more = [_TASKS[model, data]] if (model, data) in _TASKS else ["quantile"] if data == "co2" else []
    return ["its own", *more, *(["embed"] if data in ("digits", "reviews") and _writes(model, Vector) else [])]


def _finetunings(model: str, data: str, task: str) -> list[str]:
    has_head = data in ("digits", "reviews") and task == "its own"  # forecasts and words may be read off without one
    heads = ["head"] if has_head else []
    return ["full", "gradual", "discriminative", *heads, *(["lora"] if model in _WITH_LINEAR_LAYERS else [])]


@cache
def _yaml(group: str, name: str) -> dict[str, Any]:
    node: Any = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"), resolve=False)
    return node


@cache
def _reads(model: str, data: str) -> bool:
    """Whether kinds of input and target fit: `_target_`s say so, no config need be composed."""
    chosen: Any = resolve("model", _yaml("model", model)["_target_"])
    source: Any = resolve("data", _yaml("data", data)["_target_"])
    input, target = source.gives
    return input in chosen.reads and _writes(model, target)


@cache
def _writes(model: str, target: type) -> bool:
    chosen: Any = resolve("model", _yaml("model", model)["_target_"])
    return target in getattr(chosen, "writes", head.registry)


def _small(model: str) -> Options:
    node = _yaml("model", model)
    return small(model, node) | ({"dropout": 0.2} if "dropout" in node else {})


def _typed(value: Any) -> str:
    return "null" if value is None else str(list(value)) if isinstance(value, tuple) else str(value)
