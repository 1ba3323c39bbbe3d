"""Every model on every kind of data that it reads: the whole path from the command line's overrides to a step."""

import warnings
from pathlib import Path

import pytest
import torch

from iolaus.config import build
from iolaus.config.compose import compose, options
from iolaus.config.targets import resolve
from iolaus.layers.heads import head
from tests.readme import choices_of

NAIVE = {"last_value", "seasonal_value"}  # these have nothing to learn
BUILT_IN = {"digits": "Image", "reviews": "Text", "co2": "Series"}


def _reads(model: str, data: str) -> bool:
    config = compose([f"model={model}", f"data={data}"]).config
    kind, target = build.target_of(config, "data").gives
    chosen = resolve("model", config.model["_target_"])
    return kind in chosen.reads and target in getattr(chosen, "writes", head.registry)


PAIRS = [(model, data) for model in options("model") for data in BUILT_IN if _reads(model, data)]
WRITERS = [(model, "transductions") for model in options("model") if _reads(model, "transductions")]


def test_models_read_what_the_readme_says_they_read() -> None:
    words = {"digits": "pictures", "reviews": "text", "co2": "series"}
    said = choices_of("model")
    expected = {(model, data) for model, kinds in said.items() for data, word in words.items() if word in kinds}
    expected -= {(model, "reviews") for model, _ in WRITERS}
    assert set(PAIRS) == expected
    assert {model for model, _ in WRITERS} == {model for model, kinds in said.items() if "text to text" in kinds}


@pytest.mark.parametrize(("model", "data"), [*PAIRS, *WRITERS], ids=lambda name: name)
def test_a_model_trains_and_tests_on_the_data(model: str, data: str, tmp_path: Path) -> None:
    composed = compose(
        [f"model={model}", f"data={data}", "trainer=debug", "data.batch_size=16", "trainer.precision=32-true"]
    )
    config = composed.config
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fast_dev_run.*|.*LeafSpec.*|.*does not have many workers.*")
        module = build.build_data(config)
        module.prepare_data()
        module.setup()
        network = build.build_model(config, module.input, module.target)
        before = [parameter.detach().clone() for parameter in network.parameters()]
        task = build.build_task(config, network, module.input, module.target)
        trainer = build.build_trainer(config, network, logger=False, default_root_dir=tmp_path)
        if model not in NAIVE:
            trainer.fit(task, datamodule=module)
        trainer.test(task, datamodule=module, verbose=False)
    assert torch.isfinite(torch.stack(list(trainer.callback_metrics.values()))).all()
    changed = sum(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    assert (changed == 0) == (model in NAIVE)
    expected_kinds = type(module.input).__name__, type(module.target).__name__
    written = {"co2": "Forecast", "transductions": "Sentence"}.get(data, "Classes")
    assert expected_kinds == (BUILT_IN.get(data, "Text"), written)
