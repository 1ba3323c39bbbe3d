"""Which settings keep the same command from giving the same bits again, and what to type instead."""

from collections.abc import Mapping
from typing import Any


def unrepeatable(trainer: Mapping[str, Any], device: str) -> list[str]:
    """A sentence for each option of `trainer` that lets two runs of one command differ; none where they are equal.

    device: the type of the one that it trains on, as in `torch.device`.
    """
    option = trainer.get
    is_accelerator, is_timed = device != "cpu", isinstance(option("val_check_interval"), str | Mapping)
    reasons = [
        ("deterministic", is_accelerator and option("deterministic") is not True,
         f"this {device} device may add up in another order each time", "trainer.deterministic=true"),
        ("benchmark", is_accelerator and option("benchmark"),
         "kernels are chosen by the time they take", "trainer.benchmark=false"),
        ("compile", option("compile"),
         "code is made for the batches that come first, which after an interruption are others",
         "trainer.compile=false"),
        ("batch_size", option("batch_size") == "auto",
         "the size follows from the memory that is free", "the data.batch_size=… that it finds"),
        ("max_time", option("max_time"), "the clock ends the run", "trainer.max_epochs=…"),
        ("val_check_interval", is_timed, "the clock asks for validations", "a number"),
    ]  # fmt: skip
    return [
        f"trainer.{name}={_typed(option(name))}: {why}, so the same command may end in other digits; "
        f"type {instead} for equal ones."
        for name, applies, why, instead in reasons
        if applies
    ]


def _typed(value: object) -> str:
    return "null" if value is None else str(value).lower()
