"""What keeps a command from giving the same bits twice is said when the run starts."""

import pytest

from iolaus.config.compose import compose
from iolaus.training.repeatable import unrepeatable
from tests.conftest import Command


@pytest.mark.parametrize(
    ("device", "overrides", "instead"),
    [
        ("cuda", [], ["trainer.deterministic=true"]),
        ("cuda", ["trainer.deterministic=true"], []),
        ("cuda", ["trainer.deterministic=warn", "+trainer.benchmark=true"], ["deterministic=true", "benchmark=false"]),
        ("cpu", ["+trainer.benchmark=true"], []),
        ("cpu", ["trainer.compile=true"], ["trainer.compile=false"]),
        ("cpu", ["trainer.batch_size=auto"], ["data.batch_size=…"]),
        ("cpu", ["+trainer.max_time=00:01:00:00"], ["trainer.max_epochs=…"]),
        ("cpu", ["+trainer.val_check_interval=00:00:10:00"], ["a number"]),
        ("cpu", ["+trainer.val_check_interval=0.5"], []),
        ("cpu", [], []),
    ],
    ids=str,
)
def test_each_setting_is_named_with_what_to_type(device: str, overrides: list[str], instead: list[str]) -> None:
    found = unrepeatable(compose(overrides).config.trainer, device)
    assert len(found) == len(instead)
    assert all(f"type {text}" in sentence or text in sentence for sentence, text in zip(found, instead, strict=True))


def test_a_run_says_it_at_its_start(command: Command) -> None:
    result = command("trainer=cpu", "trainer.max_epochs=1", "+trainer.max_time=00:01:00:00")
    assert result.returncode == 0, result.stderr
    assert "repeat trainer.max_time=00:01:00:00: the clock ends the run" in result.stdout
