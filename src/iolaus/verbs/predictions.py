"""What a rebuilt run says of samples, and the same as rows of a table."""

import csv
import io
import json
from functools import singledispatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iolaus.data.loader import Split
from iolaus.data.module import DataModule
from iolaus.data.order import Order
from iolaus.spec import Classes, Mask, Number, Vector
from iolaus.tasks.task import Task

Row = dict[str, Any]
_KINDS = (".csv", ".json")  # of files


def predictions(task: Task, data: DataModule, split: Split, batch_size: int) -> tuple[Tensor, Tensor | None]:
    """Of every sample, in their order, what the task makes of the model's output, and the target where there is one:
    (samples, …) both."""
    order = Order(len(split), batch_size, lengths=getattr(split, "lengths", None))
    outputs: dict[int, Tensor] = {}
    targets: dict[int, Tensor] = {}
    with torch.inference_mode():
        for index in order.batches(epoch=0):
            batch = data.normalize(split.batch(index))
            numbers = index.tolist()
            outputs |= dict(zip(numbers, task.predict(task(batch.input)), strict=True))
            targets |= {} if batch.target is None else dict(zip(numbers, batch.target, strict=True))
    return _in_order(outputs), _in_order(targets) if targets else None


def _in_order(of_samples: dict[int, Tensor]) -> Tensor:
    return torch.stack([of_samples[number] for number in range(len(of_samples))])


def write(rows: list[Row], output: Path | None) -> str:
    """The rows as CSV, or as JSON where the file's name says so; into the file, or as text to print.

    Raises:
        ValueError: if the file's name says something else, or it cannot be written.
    """
    if output is not None:
        refuse_unwritable(output)
    if output is not None and output.suffix.lower() == ".json":
        text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    else:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        text = buffer.getvalue()
    if output is None:
        return text
    try:
        output.write_text(text)
    except (PermissionError, IsADirectoryError) as error:
        raise ValueError(f"--output {output} cannot be written ({error.strerror}): name another file.") from error
    return f"{len(rows)} rows in {output}\n"


def refuse_unwritable(output: Path) -> None:
    """
    Raises:
        ValueError: if the file is of a kind that is not written, or has no folder to be in.
    """
    if output.suffix.lower() not in _KINDS:
        raise ValueError(f"--output {output}: rows are written to a .csv or a .json file: type rows.csv, say.")
    if not output.parent.is_dir():
        raise ValueError(f"--output {output}: there is no folder {output.parent}: make it, or name another file.")


@singledispatch
def rows(target: Any, output: Tensor, samples: list[str]) -> list[Row]:
    """One row for each sample, by the kind of target."""
    raise AssertionError(f"no rows for {target}: {len(output)} answers for {len(samples)} samples")


@rows.register
def _(target: Classes, output: Tensor, samples: list[str]) -> list[Row]:
    best = output.argmax(dim=-1).tolist()
    return [
        {"name": sample, "prediction": target.names[winner]} | _by_class(target, shares)
        for sample, winner, shares in zip(samples, best, output, strict=True)
    ]


@rows.register
def _(target: Number, output: Tensor, samples: list[str]) -> list[Row]:
    return [{"name": sample, target.name: number} for sample, number in zip(samples, output.tolist(), strict=True)]


@rows.register
def _(target: Vector, output: Tensor, samples: list[str]) -> list[Row]:
    columns = [str(number) for number in range(target.dim)]
    return [
        {"name": sample} | dict(zip(columns, vector, strict=True))
        for sample, vector in zip(samples, output.tolist(), strict=True)
    ]


@rows.register
def _(target: Mask, output: Tensor, samples: list[str]) -> list[Row]:
    """`output` (N, height, width): the class of every pixel."""
    counts = (torch.bincount(mask.flatten(), minlength=len(target.names)) for mask in output)
    return [
        {"name": sample} | _by_class(target, count / count.sum()) for sample, count in zip(samples, counts, strict=True)
    ]


def _by_class(target: Classes | Mask, shares: Tensor) -> Row:
    return {name: round(share, 6) for name, share in zip(target.names, shares.tolist(), strict=True)}
