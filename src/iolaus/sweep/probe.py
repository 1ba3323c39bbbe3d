"""Finds out what a run measures, by one batch of training and one of validation."""

import logging
import tempfile
import warnings
from functools import lru_cache

from iolaus.config import build
from iolaus.config.compose import compose


@lru_cache(maxsize=1)
def validation_metrics(overrides: tuple[str, ...]) -> set[str]:
    config = compose(list(overrides)).config
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            data = build.build_data(config)
            data.prepare_data()
            data.setup()
            model = build.build_model(config, data.input, data.target)
            task = build.build_task(config, model, data.input, data.target)
            options = {"fast_dev_run": True, "accelerator": "cpu", "devices": 1, "strategy": "auto"}
            trainer = build.build_trainer(config, model, default_root_dir=folder, logger=False, **options)
            trainer.fit(task, datamodule=data)
    finally:
        logging.disable(logging.NOTSET)
    return {name for name in trainer.callback_metrics if name.startswith("val/")}
