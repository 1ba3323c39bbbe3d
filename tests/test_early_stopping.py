"""A run that stops early says why, and options of callbacks that are off are not ignored silently."""

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from iolaus.config import build
from iolaus.config.compose import CONF, _choose, _compose, compose, defaults
from tests.conftest import Command


def test_an_early_stop_and_idle_options_are_told_of(command: Command) -> None:
    result = command(
        "model.dim=8",
        "trainer.max_epochs=9",
        "callbacks.early_stopping.patience=2",
        "callbacks.early_stopping.min_delta=1",
        "callbacks.ema.update_every_n_steps=5",
    )
    assert result.returncode == 0, result.stderr
    assert "stopped early: val/accuracy has not improved for 2 validations" in result.stdout
    assert result.stdout.count("epoch ") == 3
    assert "callbacks.ema.update_every_n_steps=5 has no effect while callbacks.ema.decay is null." in result.stdout
    assert "min_delta" not in result.stdout


def test_within_a_composition_of_hydras_own_nothing_is_composed_again() -> None:
    config = compose(["callbacks.ema.update_every_n_steps=5"]).config
    _compose.cache_clear()
    _choose.cache_clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        hydra_compose("train")
        with pytest.warns(UserWarning, match="update_every_n_steps=5"):
            build.build_callbacks(config, ("val/accuracy", "max"))
        assert config.initializer == defaults("initializer")
