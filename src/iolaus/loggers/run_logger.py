"""What every logger knows of the run that it records, and what it is told when the run is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from iolaus.folder.summary import Status, Summary
from iolaus.loggers.samples import TestSamples
from iolaus.process.failure import sentence
from iolaus.process.interruption import Interrupted


@dataclass(frozen=True)
class Identity:
    """Who a run is, to whoever records many.

    choices: what was chosen in each group, as in {"model": "mlp"}.
    group: the sweep that it belongs to, if any.
    """

    folder: Path
    choices: dict[str, str] = field(default_factory=dict)
    group: str | None = None

    @property
    def name(self) -> str:
        """The end of its path: from the sweep's name on, or with its parent's."""
        parts = self.folder.parts
        if self.group in parts[:-1]:
            return "/".join(parts[parts.index(str(self.group)) :])
        return "/".join(parts[-2:])

    @property
    def tags(self) -> list[str]:
        """The choices that runs are looked for by."""
        return [self.choices[group] for group in ("data", "model", "task") if self.choices.get(group)]


class RunLogger(Logger):
    """A Lightning logger that learns how the run ended. Lightning itself reports the end of each fit and each test.

    num_shown: samples of the test that it shows beside the metrics; 0 for none, and then nothing is collected.
    """

    num_shown: int = 0

    def close(self, summary: dict[str, Any]) -> None:
        """The run is over, well or not; `summary` is what its summary.json says. Called once, in the main process."""

    def abandon(self) -> None:
        """It has failed or hangs, and is needed no more: nothing of it may hold up the end of the process."""

    def show(self, samples: TestSamples) -> None:
        """What a model said of the test, with `num_shown` samples of it, if it classified."""


@contextmanager
def told_of_the_end(loggers: list[RunLogger], summary: Summary) -> Iterator[None]:
    """However what is in it ends, the loggers are told: well, as the summary says then, or by an error."""
    try:
        yield
    except BaseException as error:
        status: Status = "interrupted" if isinstance(error, Interrupted) else "failed"
        for logger in loggers:
            logger.close(summary.values | {"status": status, "error": sentence(error)})
        raise
    for logger in loggers:
        logger.close(summary.values)


def results(summary: dict[str, Any]) -> dict[str, float]:
    """The metrics of a summary: those of the best epoch, and the test's."""
    return {name: value for name, value in summary.items() if "/" in name and isinstance(value, int | float)}


# What a run is made of; the rest says where it lives and what it is watched by.
_GROUPS = ("data", "model", "task", "loss", "optimizer", "scheduler", "initializer")


def hyperparameters(config: dict[str, Any], choices: dict[str, str]) -> dict[str, Any]:
    """The choices and their options as one flat table of plain values: {"model": "mlp", "model.dim": 256, …}."""
    flat: dict[str, Any] = {"seed": config["seed"], "trainer.max_epochs": config["trainer"].get("max_epochs")}
    for group in _GROUPS:
        flat[group] = choices.get(group)
        flat |= {f"{group}.{key}": value for key, value in _leaves(config[group])}
    return {key: value for key, value in flat.items() if value is not None}


def _leaves(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        elif not key.startswith("_"):
            yield f"{path}{key}", value if isinstance(value, bool | int | float | str) else str(value)
