"""Every model on every kind of data that it reads: the whole path from the command line's overrides to a step."""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from iolaus.config import build
from iolaus.config.compose import CONF, compose, options
from iolaus.config.targets import resolve
from iolaus.layers.heads import head
from tests.readme import choices_of

NAIVE = {"last_value", "seasonal_value"}  # these have nothing to learn
WORDS = {  # by which the README says that a model can learn from these data
    "digits": "pictures",
    "reviews": "text",
    "co2": "series",
    "scenes": "pixel",
    "transductions": "text to text",
}
KINDS = {
    "digits": ("Image", "Classes"),
    "reviews": ("Text", "Classes"),
    "co2": ("Series", "Forecast"),
    "scenes": ("Image", "Mask"),
    "sums": ("Image", "Number"),
    "digits_domains": ("Image", "Domains"),
    "transductions": ("Text", "Sentence"),
}


@cache
def _named(group: str, choice: str) -> Any:
    return resolve(group, yaml.safe_load((CONF / group / f"{choice}.yaml").read_text())["_target_"])


def _reads(model: str, data: str) -> bool:
    chosen, (kind, target) = _named("model", model), _named("data", data).gives
    return kind in chosen.reads and target in getattr(chosen, "writes", head.registry)


PAIRS = [(model, data) for model in options("model") for data in WORDS if _reads(model, data)]
OTHER_TASKS = [  # of the same models: their heads are in the contract, and here is the way to them
    *((model, "sums", "regress") for model in ("mlp", "cnn", "transformer", "gru")),
    *((model, "digits", "embed") for model in ("mlp", "googlenet", "vit")),
    *((model, "digits_domains", "adapt") for model in ("mlp", "googlenet", "vit")),
    ("cnn", "digits_domains", "classify"),
    *((model, "reviews", "embed") for model in ("textcnn", "lstm", "gpt")),
]


def test_models_read_what_the_readme_says_they_read() -> None:
    said = choices_of("model")
    assert set(PAIRS) == {
        (model, data)
        for model, kinds in said.items()
        for data, word in WORDS.items()
        if word in kinds and not (data == "reviews" and "text to text" in kinds)
    }


@pytest.mark.parametrize(
    ("model", "data", "task"), [*((*pair, None) for pair in PAIRS), *OTHER_TASKS], ids=lambda name: name
)
def test_a_model_trains_and_tests_on_the_data(model: str, data: str, task: str | None, tmp_path: Path) -> None:
    chosen = [f"model={model}", f"data={data}", *([f"task={task}"] if task else [])]
    config = compose([*chosen, "trainer=debug", "data.batch_size=16", "trainer.precision=32-true"]).config
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fast_dev_run.*|.*LeafSpec.*|.*does not have many workers.*")
        module = build.build_data(config)
        module.prepare_data()
        module.setup()
        network = build.build_model(config, module.input, module.target)
        before = [parameter.detach().clone() for parameter in network.parameters()]
        learner = build.build_task(config, network, module.input, module.target)
        trainer = build.build_trainer(config, network, logger=False, default_root_dir=tmp_path)
        if model not in NAIVE:
            trainer.fit(learner, datamodule=module)
        trainer.test(learner, datamodule=module, verbose=False)
    assert torch.isfinite(torch.stack(list(trainer.callback_metrics.values()))).all()
    changed = sum(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    assert (changed == 0) == (model in NAIVE)
    assert (type(module.input).__name__, type(module.target).__name__) == KINDS[data]
