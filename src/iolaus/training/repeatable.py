"""Which settings keep the same command from giving the same bits again, and what to type instead."""

from collections.abc import Mapping
from typing import Any


def unrepeatable(trainer: Mapping[str, Any], device: str) -> list[str]:
    """A sentence for each option of `trainer` that lets two runs of one command differ; none where they are equal.

    device: the type of the one that it trains on, as in `torch.device`.
    """
    is_accelerator, interval = device != "cpu", trainer.get("val_check_interval")
    is_timed = isinstance(interval, str | Mapping)
    breaking = {
        "deterministic": is_accelerator and trainer.get("deterministic") is not True and (
            f"this {device} device may add up in another order each time", "trainer.deterministic=true"),
        "benchmark": is_accelerator and trainer.get("benchmark") and (
            "kernels are chosen by the time they take", "trainer.benchmark=false"),
        "compile": trainer.get("compile") and (
            "code is made for the batches that come first, which after an interruption are others",
            "trainer.compile=false"),
        "batch_size": trainer.get("batch_size") == "auto" and (
            "the size follows from the memory that is free", "the data.batch_size=… that it finds"),
        "max_time": trainer.get("max_time") is not None and ("the clock ends the run", "trainer.max_epochs=…"),
        "val_check_interval": is_timed and ("the clock asks for validations", "a number"),
    }  # fmt: skip
    return [
        f"trainer.{name}={_typed(trainer.get(name))}: {found[0]}, so the same command may end in other digits; "
        f"type {found[1]} for equal ones."
        for name, found in breaking.items()
        if found
    ]


def _typed(value: object) -> str:
    return "null" if value is None else str(value).lower()
