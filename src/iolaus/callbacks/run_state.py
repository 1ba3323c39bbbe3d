"""What a run is made of beside what Lightning saves: whether it has stopped early, the latest metrics, its log."""

from typing import Any

import lightning.pytorch as L
import torch

from iolaus.loggers.metrics_csv import MetricsCSV


def capture(trainer: L.Trainer) -> dict[str, Any]:
    """In plain values."""
    return {
        "should_stop": trainer.should_stop,
        "metrics": {name: value.item() for name, value in trainer.callback_metrics.items()},
        "metrics_csv": next((logger.state_dict() for logger in _csv_loggers(trainer)), {}),
    }


def restore(trainer: L.Trainer, state: dict[str, Any]) -> None:
    """While the trainer loads a checkpoint: before it decides whether anything is left to do."""
    trainer.should_stop = state.get("should_stop", False)
    for logger in _csv_loggers(trainer):
        if state.get("metrics_csv"):
            logger.load_state_dict(state["metrics_csv"])


def restore_metrics(trainer: L.Trainer, state: dict[str, Any]) -> None:
    """When training starts, because Lightning forgets them before: a plateau may rely on an earlier epoch's."""
    trainer.callback_metrics.update({name: torch.tensor(value) for name, value in state.get("metrics", {}).items()})


def _csv_loggers(trainer: L.Trainer) -> list[MetricsCSV]:
    return [logger for logger in trainer.loggers if isinstance(logger, MetricsCSV)]
