"""Help lists every choice there is, and marks those that a run takes by itself."""

from iolaus.config.compose import CONF, compose
from iolaus.config.help import train_help
from tests.conftest import Command


def test_help_lists_every_choice_of_every_group(fresh_command: Command) -> None:
    result = fresh_command("--help")
    assert result.returncode == 0
    shown = result.stdout.split("\n\n")
    words = set(next(part for part in shown if part.startswith("Choices")).replace("*", "").replace(",", "").split())
    groups = [path for path in CONF.iterdir() if path.is_dir() and path.name in compose([]).choices]
    assert len(groups) > 5
    for group in groups:
        assert {group.name, *(path.stem for path in group.glob("*.yaml"))} <= words


def test_help_marks_the_defaults() -> None:
    marked = {word.strip(",*") for word in train_help().split() if word.rstrip(",").endswith("*") and word != "*"}
    assert marked == {choice for group, choice in compose([]).choices.items() if choice and "/" not in group}
