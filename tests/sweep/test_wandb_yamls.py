"""The sweeps that W&B's agents are handed: the spaces of ours, in commands that would run."""

import re
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from iolaus.cli.settle import explain_all
from iolaus.config import build
from iolaus.config.compose import CONF, compose
from iolaus.sweep.plan import num_trials, plan
from tests.conftest import REPOSITORY

NAMES = sorted(path.stem for path in (CONF / "wandb").glob("*.yaml"))


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load((CONF / "wandb" / f"{name}.yaml").read_text())


def _overrides(asked: dict[str, Any], end: int) -> list[str]:
    """What an agent puts in the place of `${args_no_hyphens}`, with the first (0) or last (-1) value of each key."""
    chosen = {key: {"value": _values(parameter)[end]} for key, parameter in asked["parameters"].items()}
    return create_sweep_command_args({"args": chosen})["args_no_hyphens"]


def _values(parameter: dict[str, Any]) -> list[Any]:
    return parameter.get("values") or [parameter[name] for name in ("value", "min", "max") if name in parameter]


def _as_described(parameter: dict[str, Any]) -> str:
    if "values" in parameter:
        return ", ".join(map(str, parameter["values"]))
    log = ", log" if parameter["distribution"].startswith("log") else ""
    return f"{parameter['min']} to {parameter['max']}{log}"


@pytest.mark.parametrize("name", NAMES)
def test_the_space_is_that_of_our_own_sweep(name: str) -> None:
    asked, ours = _read(name), plan([f"sweep={name}"])
    swept = {key: _as_described(each) for key, each in asked["parameters"].items() if "value" not in each}
    assert swept == ours.space.describe()
    assert [f"{key}={each['value']}" for key, each in asked["parameters"].items() if "value" in each] == ours.fixed
    assert asked.get("run_cap", num_trials(ours)) == num_trials(ours)


@pytest.mark.parametrize("end", [0, -1])
@pytest.mark.parametrize("name", NAMES)
def test_an_agent_types_commands_that_would_run(name: str, end: int) -> None:
    asked = _read(name)
    environment, interpreter, program, *options, last = asked["command"]
    assert (environment, interpreter, program, last) == ("${env}", "${interpreter}", "${program}", "${args_no_hyphens}")
    assert (REPOSITORY / asked["program"]).is_file()
    overrides = [*options, *_overrides(asked, end)]
    assert not any(re.search(r"\$\{", text) for text in overrides)
    assert explain_all(overrides) == []
    metric, mode = build.task_class(compose(overrides).config).objective
    assert asked["metric"] == {"name": metric, "goal": f"{mode}imize"}
