"""`iolaus predict RUN --input FILE`: what a finished run says of a user's pictures, texts or series."""

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
from iolaus.data.numbered import Numbered
from iolaus.data.order import Order
from iolaus.data.series.series import SeriesData
from iolaus.data.text.tokenized import TokenizedData
from iolaus.folder.run_folder import RunFolder
from iolaus.spec import Classes, Mask, Number, Vector
from iolaus.tasks.task import Task
from iolaus.training import memory
from iolaus.verbs.rebuild import rebuild

Row = dict[str, Any]


def predict(run: RunFolder, path: Path, batch_size: int | None = None) -> list[Row]:
    """One row per picture or text: with its class and the probability of each, its number, its vector, or the share of
    its pixels that each class has; for a series, one per future step; for texts and a task that writes, one per text
    with what it writes. `batch_size`: None for the run's own.

    Raises:
        ValueError: if the file cannot be read as what the model reads.
    """
    if not path.exists():
        raise ValueError(f"--input {path}: there is no such file or folder.")
    task, data = rebuild(run)
    size = batch_size or data.batch_size
    advice = f"type --batch-size {max(1, size // 2)}." if size > 1 else "the model needs a larger machine."
    with memory.told(f"with {size} at a time", advice):
        split, names = data.examples(path)
        if isinstance(data, TokenizedData):
            written = _written_rows(task, data, split, names)
            if written:
                return written
        output = _outputs(task, data, split, size)
    if isinstance(data, SeriesData):
        return _forecast_rows(data, data.unscale(output[0]), data.future_dates(path))
    return _rows(task.target, data.unscale(output) if isinstance(data, Numbered) else output, names)


def _outputs(task: Task, data: DataModule, split: Split, batch_size: int) -> Tensor:
    """Of every sample, in their order: (samples, …)."""
    order = Order(len(split), batch_size, lengths=getattr(split, "lengths", None))
    outputs: dict[int, Tensor] = {}
    with torch.inference_mode():
        for index in order.batches(epoch=0):
            batch = data.normalize(split.batch(index))
            outputs |= zip(index.tolist(), task.predict(task(batch.input)), strict=True)
    return torch.stack([outputs[number] for number in range(len(split))])


def _written_rows(task: Task, data: TokenizedData, split: Split, names: list[str]) -> list[Row]:
    """One row per text with what the task writes of it; none, where it writes nothing."""
    rows = []
    for number, name in enumerate(names):
        written = task.answer(split.batch(torch.tensor([number])).input, data.decode)
        if written is None:
            return []
        rows.append({"name": name} | written)
    return rows


def write(rows: list[Row], output: Path | None) -> str:
    """The rows as CSV, or as JSON where the file's name says so; into the file, or as text to print."""
    if output is not None and output.suffix == ".json":
        text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    else:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        text = buffer.getvalue()
    if output is None:
        return text
    output.write_text(text)
    return f"{len(rows)} rows in {output}\n"


@singledispatch
def _rows(target: Any, output: Tensor, samples: list[str]) -> list[Row]:
    raise AssertionError(f"no rows for {target}: {len(output)} answers for {len(samples)} samples")


@_rows.register
def _(target: Classes, output: Tensor, samples: list[str]) -> list[Row]:
    best = output.argmax(dim=-1).tolist()
    return [
        {"name": sample, "prediction": target.names[winner]} | _by_class(target, shares)
        for sample, winner, shares in zip(samples, best, output, strict=True)
    ]


@_rows.register
def _(target: Number, output: Tensor, samples: list[str]) -> list[Row]:
    return [{"name": sample, target.name: number} for sample, number in zip(samples, output.tolist(), strict=True)]


@_rows.register
def _(target: Vector, output: Tensor, samples: list[str]) -> list[Row]:
    columns = [str(number) for number in range(target.dim)]
    return [
        {"name": sample} | dict(zip(columns, vector, strict=True))
        for sample, vector in zip(samples, output.tolist(), strict=True)
    ]


@_rows.register
def _(target: Mask, output: Tensor, samples: list[str]) -> list[Row]:
    """`output` (N, height, width): the class of every pixel."""
    counts = (torch.bincount(mask.flatten(), minlength=len(target.names)) for mask in output)
    return [
        {"name": sample} | _by_class(target, count / count.sum()) for sample, count in zip(samples, counts, strict=True)
    ]


def _by_class(target: Classes | Mask, shares: Tensor) -> Row:
    return {name: round(share, 6) for name, share in zip(target.names, shares.tolist(), strict=True)}


def _forecast_rows(data: SeriesData, forecast: Tensor, dates: list[str]) -> list[Row]:
    """`forecast` (horizon, channels), in the units of the data; numbered where the file has no dates."""
    key, steps = ("date", dates) if dates else ("step", [str(step + 1) for step in range(len(forecast))])
    return [
        {key: step} | dict(zip(data.channel_names, values, strict=True))
        for step, values in zip(steps, forecast.tolist(), strict=True)
    ]
