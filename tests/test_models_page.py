"""docs/models.md says what the code says."""

import csv
import importlib.util

import pytest

from iolaus.cli.settle import explain_all
from iolaus.config.compose import compose, options
from tests.conftest import REPOSITORY

spec = importlib.util.spec_from_file_location("models_page", REPOSITORY / "docs" / "models.py")
assert spec is not None
assert spec.loader is not None
models_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(models_page)

RESULTS = list(csv.DictReader((REPOSITORY / "docs" / "results.csv").read_text().splitlines()))


def test_the_page_is_not_stale() -> None:
    assert (REPOSITORY / "docs" / "models.md").read_text() == models_page.page(), "run: python docs/models.py"


def test_the_page_has_every_model_once_with_its_paper() -> None:
    lines = (REPOSITORY / "docs" / "models.md").read_text().splitlines()
    for name in options("model"):
        (row,) = [line for line in lines if line.startswith(f"| `python train.py model={name}` |")]
        assert "https://arxiv.org/abs/" in row or "https://doi.org/" in row, name


@pytest.mark.parametrize("row", RESULTS, ids=lambda row: row["command"])
def test_a_result_names_a_command_that_runs_this_model_on_these_data(row: dict[str, str]) -> None:
    program, *overrides = row["command"].removeprefix("python ").split()
    assert program == "train.py"
    overrides = [text for text in overrides if not text.startswith("init_from=")]  # a run that has to be made first
    assert explain_all(overrides) == []
    choices = compose(overrides).choices
    assert (choices["model"], choices["data"]) == (row["model"], row["data"])
