"""conf/model is the documentation of the models: it lists every option with its default, and how to use it."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import iolaus.models
from tests.models.test_contract import CONF, NAMES, load


@pytest.mark.parametrize("name", NAMES)
def test_lists_every_option_with_its_default(name: str) -> None:
    model, options = load(name)
    defaults = {
        key: list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
        for key, parameter in inspect.signature(model).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert options == defaults
    assert list(options) == list(defaults)  # in the same order, too


@pytest.mark.parametrize("name", NAMES)
def test_names_every_choice_of_an_option(name: str) -> None:
    model, _ = load(name)
    text = (CONF / f"{name}.yaml").read_text()
    for key, parameter in inspect.signature(model).parameters.items():
        line = re.search(rf"^{key}:.*(\n +#.*)*", text, re.MULTILINE)  # with the lines that its comment goes on for
        assert line or parameter.kind is not parameter.KEYWORD_ONLY, key
        for choice in words_of(parameter.annotation):
            assert line
            assert re.search(rf"#(.|\n)*\b{choice}\b", line[0]), f"{key}={choice}"


def words_of(annotation: Any) -> Iterator[str]:
    """The choices that are words, of an option that may be a number or null, too."""
    for part in get_args(annotation):
        yield from [part] if isinstance(part, str) else words_of(part)


@pytest.mark.parametrize("name", NAMES)
def test_begins_with_the_paper_and_the_command(name: str) -> None:
    lines = (CONF / f"{name}.yaml").read_text().splitlines()
    header = lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]
    assert any("arXiv:" in line or "doi:" in line for line in header)
    assert header[-1] == f"#   python train.py model={name}"


def test_every_file_of_models_has_a_yaml() -> None:
    files = {file.stem for file in Path(iolaus.models.__file__).parent.glob("*.py")} - {"__init__", "scratch_engine"}
    assert files == {load(name)[0].__module__.rpartition(".")[2] for name in NAMES}
