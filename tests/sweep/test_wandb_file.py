"""The sweep files for W&B's agents: every command that an agent would type is right."""

import itertools
from pathlib import Path

import pytest
import yaml

from iolaus.cli import explain_all
from iolaus.config.compose import CONF


@pytest.mark.parametrize("path", sorted((CONF / "wandb").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_agents_commands_would_run(path: Path) -> None:
    sweep = yaml.safe_load(path.read_text())
    assert sweep["program"] == "train.py"
    fixed = [word for word in sweep["command"] if not word.startswith("${")]
    assert sweep["command"][-1] == "${args_no_hyphens}"
    ends = {
        key: parameter.get("values") or [parameter["min"], parameter["max"]]
        for key, parameter in sweep["parameters"].items()
    }
    for values in itertools.product(*ends.values()):
        swept = [f"{key}={value}" for key, value in zip(ends, values, strict=True)]
        assert explain_all([*swept, *(word for word in fixed if not word.startswith("logger"))]) == []
    assert explain_all([*swept, *fixed]) == []
