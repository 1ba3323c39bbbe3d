"""Every yaml says what it is, and holds against the real signatures; every command that is shown would run."""

import re
import shlex
from pathlib import Path

import pytest
import torch
import yaml
from hydra.utils import get_object

from iolaus.cli.settle import explain_all
from iolaus.config.compose import CONF, compose, options
from iolaus.config.signature import signature
from iolaus.spec import Classes, Forecast, Image, Series, Text
from tests.conftest import REPOSITORY
from tests.readme import choices_of

GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra", "wandb"))
YAMLS = sorted(CONF.rglob("*.yaml"))
CHOICES = [(group, choice) for group in GROUPS for choice in options(group)]
# What a user has to add, and what this machine cannot do.
NEEDS = {
    **{loss: ["task=embed"] for loss in ("contrastive", "cosine_embedding", "supervised_contrastive", "triplet")},
    "adapt": ["data=digits_domains"],
    "image_domains": ["data.root=x", "data.other=y"],
    "image_numbers": ["data.root=x"],
    "images": ["data.root=x"],
    "series": ["data.root=x"],
    "text_numbers": ["data.root=x"],
    "texts": ["data.root=x"],
    "imdb_unlabelled": ["model=gpt"],
    "language_model": ["model=gpt"],
    "lora": ["model=transformer"],
    "masked_language_model": ["model=bert"],
    "quantile": ["task=forecast_quantile"],
    "regress": ["data=sums"],
    "scenes": ["model=unet"],
    "segment": ["model=unet"],
    "seq2seq": ["model=seq2seq"],
    "transductions": ["model=t5"],
}
FORECASTS = {"forecast", "forecast_quantile", "mse", "mae", "huber", "quantile"}
NEEDS_GPU = {"gpu", "fsdp"}


@pytest.mark.parametrize("group", [group for group in GROUPS if group not in ("callbacks", "experiment", "sweep")])
def test_the_readme_names_every_choice_and_no_other(group: str) -> None:
    assert set(choices_of(group)) == set(options(group))


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: str(path.relative_to(CONF)))
def test_a_yaml_opens_with_what_it_is_and_how_to_use_it(path: Path) -> None:
    text = path.read_text()
    header = [line for line in text.splitlines() if line.startswith("#")]
    assert text.startswith("# ")
    assert any("python train.py" in line for line in header)


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=lambda name: name)
def test_a_choice_holds_against_the_code(group: str, choice: str) -> None:
    if choice in NEEDS_GPU and not torch.cuda.is_available():
        (problem,) = explain_all([f"{group}={choice}"])
        assert f"trainer={choice}" in problem
        return
    companions = ["data=co2"] if group in ("task", "loss") and choice in FORECASTS else []
    space = ["model.dim=16,32"] if group == "sweep" else []
    overrides = [f"{group}={choice}", *NEEDS.get(choice, []), *companions, *space]
    assert explain_all(overrides) == []


def _without_nodes(path: Path) -> list[tuple[str, list[str]]]:
    """Each `_target_` of a yaml, and the keys beside it."""
    found = []
    nodes = [yaml.safe_load(path.read_text()) or {}]
    while nodes:
        node = nodes.pop()
        if "_target_" in node:
            found.append((node["_target_"], [key for key in node if not key.startswith("_") and key != "defaults"]))
        nodes += [child for child in node.values() if isinstance(child, dict)]
    return found


def test_a_yaml_lists_every_option_of_ours() -> None:
    """The yaml is the documentation: an option that only the signature knows would stay unknown."""
    num_checked = 0
    for path in YAMLS:
        for target, keys in _without_nodes(path):
            if not target.startswith(("iolaus.models.", "iolaus.data.", "iolaus.losses.", "iolaus.callbacks.")):
                continue
            expected = {name for name, option in signature(get_object(target)).items() if not option.is_given}
            assert set(keys) == expected, path
            num_checked += 1
    assert num_checked >= 26


def _commands() -> list[str]:
    """Every `python train.py …` in the README and in the yamls' headers."""
    texts = [path.read_text() for path in [REPOSITORY / "README.md", *YAMLS]]
    lines = [match.group(1) for text in texts for match in re.finditer(r"^[#\s$]*python (train\.py[^\n]*)", text, re.M)]
    return sorted({re.split(r"\s{2,}| # ", line)[0].strip() for line in lines})


def test_every_command_that_is_shown_would_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = _commands()
    assert len(commands) >= 60
    for command in commands:
        overrides = [text for text in shlex.split(command)[1:] if text not in ("-m", "--help")]
        if any(
            word in command
            for word in ("transfomer", "resume=", "init_from=", "gatedmlp", "trainer=gpu", "trainer=fsdp")
        ):
            continue  # shown as a mistake, or in need of a run, a new file, a GPU
        assert explain_all(overrides) == [], command


def test_the_architecture_that_the_readme_adds_reads_every_kind() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S)
    names: dict[str, type[torch.nn.Module]] = {}
    exec(code, names)
    model = names["GatedMLP"]
    pictures, texts, windows = torch.randn(2, 1, 8, 8), torch.randint(1, 9, (2, 5)), torch.randn(2, 48, 3)
    assert model(Image(1, 8, 8), Classes(("a", "b")))(pictures).shape == (2, 2)
    assert model(Text(9, 5), Classes(("a", "b")))(texts).shape == (2, 2)
    assert model(Series(3, 48), Forecast(3, 12))(windows).shape == (2, 12, 3)


def test_the_sweep_that_wandb_drives_ranges_over_the_same_space() -> None:
    asked = yaml.safe_load((CONF / "wandb" / "architectures.yaml").read_text())
    ours = yaml.safe_load((CONF / "sweep" / "architectures.yaml").read_text())["params"]
    theirs = {key: node.get("values", [node.get("value")]) for key, node in asked["parameters"].items()}
    assert theirs == {key: text.split(",") if isinstance(text, str) else [text] for key, text in ours.items()}
    *_, args = asked["command"]
    assert args == "${args_no_hyphens}"
    fixed = [text for text in asked["command"] if "=" in text]
    for place in (0, -1):
        assert explain_all([*fixed, *(f"{key}={values[place]}" for key, values in theirs.items())]) == []


def test_companions_come_along_and_the_command_line_wins() -> None:
    assert compose(["data=etth1"]).choices | {"task": "forecast", "loss": "mse"} == compose(["data=etth1"]).choices
    assert compose(["data=etth1", "loss=mae"]).choices["loss"] == "mae"
    assert compose(["model=textcnn"]).choices["data"] == "reviews"
    assert compose(["model=textcnn", "data=co2"]).choices["task"] == "forecast"
    assert compose(["experiment=etth1_transformer"]).choices["task"] == "forecast"
