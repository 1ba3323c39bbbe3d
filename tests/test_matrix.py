"""Every model on every kind of data that it reads: the whole path from the command line's overrides to a step."""

import warnings
from pathlib import Path

import pytest
import torch

from iolaus.config import build
from iolaus.config.compose import compose, options
from iolaus.config.targets import resolve
from iolaus.layers.heads import head

NAIVE = {"last_value", "seasonal_value"}  # these have nothing to learn
PICTURES = {"cnn", "lenet", "alexnet", "vgg", "googlenet", "resnet", "resnet9", "densenet", "efficientnet", "vit"}
PICTURES |= {"mlp_mixer", "convnext", "scratch_cnn"}
BUILT_IN = {"digits": "Image", "reviews": "Text", "co2": "Series"}


def _reads(model: str, data: str) -> bool:
    config = compose([f"model={model}", f"data={data}"]).config
    kind, target = build.target_of(config, "data").gives
    chosen = resolve("model", config.model["_target_"])
    return kind in chosen.reads and target in getattr(chosen, "writes", head.registry)


FORECASTERS = {"nlinear", "dlinear", "patchtst", "itransformer", "segrnn", "nhits", *NAIVE}
PAIRS = [(model, data) for model in options("model") for data in BUILT_IN if _reads(model, data)]
WRITERS = [(model, "transductions") for model in options("model") if _reads(model, "transductions")]


def test_the_matrix_is_complete() -> None:
    general = {model for model in options("model") if all((model, data) in PAIRS for data in BUILT_IN)}
    assert general == {"mlp", "rnn", "lstm", "gru", "transformer", "tcn", "sequential", "scratch_mlp", "scratch_rnn"}
    assert {model for model, _ in WRITERS} == {"seq2seq", "t5"}
    # bert and gpt read text; textcnn text and series; and there are those for pictures and the forecasters
    assert len(PAIRS) == 3 * 9 + 2 + 2 + len(PICTURES) + len(FORECASTERS)


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
