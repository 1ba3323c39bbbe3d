"""Every checkpoint of ours holds plain values and tensors alone, whatever was trained with what."""

import warnings
from pathlib import Path

import pytest
import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from iolaus.config import build
from iolaus.config.compose import compose, options
from iolaus.loggers.run_logger import Identity

CASES = [
    *([f"optimizer={name}"] for name in options("optimizer")),
    *([f"scheduler={name}"] for name in options("scheduler")),
    *([f"data={name}"] for name in ("digits", "reviews", "co2")),
    ["callbacks.early_stopping.patience=3", "callbacks.ema.decay=0.9"],
    ["finetune=lora"],
]


@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
def test_a_checkpoint_asks_for_no_class(overrides: list[str], tmp_path: Path) -> None:
    small = ["trainer=cpu", "trainer.max_epochs=2", "+trainer.limit_train_batches=1", "+trainer.limit_val_batches=1"]
    config = compose([*small, "model.dim=8", *overrides]).config
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = build.build_data(config)
        data.prepare_data()
        data.setup()
        model = build.build_model(config, data.input, data.target)
        build.build_finetuning(config).adapt(model)
        task = build.build_task(config, model, data.input, data.target)
        callbacks = build.build_callbacks(config, task.objective)
        loggers = build.build_loggers(config, Identity(tmp_path))
        trainer = build.build_trainer(config, model, callbacks=callbacks, logger=loggers, default_root_dir=tmp_path)
        trainer.fit(task, datamodule=data)
    found = sorted((tmp_path / "checkpoints").glob("*.ckpt"))
    assert found
    for path in found:
        assert get_unsafe_globals_in_checkpoint(path) == []
        assert torch.load(path, weights_only=True)["state_dict"]


@pytest.mark.parametrize("name", options("model"))
def test_a_models_state_is_tensors_alone(name: str) -> None:
    config = compose([f"model={name}"]).config
    with torch.device("meta"):
        model = build.factory(config, "model")(*build.asked(config, *build.build_data(config).sketch()))
    assert all(isinstance(value, torch.Tensor) for value in model.state_dict().values())
