"""Which losses mean something for which task: of all that there are, the others are refused."""

import pytest
from omegaconf import OmegaConf
from torch import nn

from iolaus.config import build
from iolaus.config.compose import CONF, options
from iolaus.config.targets import resolve

OF_CLASSES = {"cross_entropy", "label_smoothing", "focal", "poly", "asymmetric", "dice"}
OF_VALUES = {"mse", "mae", "huber"}
OF_VECTORS = {"triplet", "contrastive", "supervised_contrastive", "cosine_embedding"}
SUITED = {
    "adapt": OF_CLASSES,
    "classify": OF_CLASSES,
    "segment": OF_CLASSES,
    "language_model": OF_CLASSES,
    "masked_language_model": OF_CLASSES,
    "seq2seq": OF_CLASSES,
    "regress": OF_VALUES,
    "forecast": OF_VALUES,
    "forecast_quantile": {"quantile"},
    "embed": OF_VECTORS,
}


def loss(name: str) -> nn.Module:
    node = OmegaConf.load(CONF / "loss" / f"{name}.yaml")
    return build.factory(OmegaConf.create({"loss": node, "packages": []}), "loss")()


@pytest.mark.filterwarnings("ignore:Using a target size")  # torch's warning before the error
@pytest.mark.parametrize("name", options("task"))
def test_a_task_takes_the_losses_that_mean_something_for_it(name: str) -> None:
    task = resolve("task", OmegaConf.load(CONF / "task" / f"{name}.yaml")["_target_"])
    assert {each for each in options("loss") if task.suits(loss(each))} == SUITED[name]  # type: ignore[attr-defined]


def test_no_loss_is_of_no_use() -> None:
    assert set(options("loss")) == set().union(*SUITED.values())
