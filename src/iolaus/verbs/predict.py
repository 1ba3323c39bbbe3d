"""`iolaus predict RUN --input FILE`: what a finished run says of a user's pictures, texts or series."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iolaus.data.loader import Split
from iolaus.data.module import DataModule
from iolaus.data.order import Order
from iolaus.data.series import SeriesData
from iolaus.data.tokenized import TokenizedData
from iolaus.folder.run_folder import RunFolder
from iolaus.spec import Classes
from iolaus.tasks.task import Task
from iolaus.training import memory
from iolaus.verbs.rebuild import rebuild

Row = dict[str, Any]


def predict(run: RunFolder, path: Path, batch_size: int | None = None) -> list[Row]:
    """One row per picture or text with its class and the probability of each; for a series, one per future step; for
    texts and a task that writes, one per text with what it writes. `batch_size`: None for the run's own.

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
    assert isinstance(data.target, Classes)
    return _class_rows(data.target.names, output, names)


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


def _class_rows(names: tuple[str, ...], probabilities: Tensor, samples: list[str]) -> list[Row]:
    best = probabilities.argmax(dim=-1).tolist()
    return [
        {"name": sample, "prediction": names[winner]}
        | dict(zip(names, (round(share, 6) for share in shares), strict=True))
        for sample, winner, shares in zip(samples, best, probabilities.tolist(), strict=True)
    ]


def _forecast_rows(data: SeriesData, forecast: Tensor, dates: list[str]) -> list[Row]:
    """`forecast` (horizon, channels), in the units of the data; numbered where the file has no dates."""
    key, steps = ("date", dates) if dates else ("step", [str(step + 1) for step in range(len(forecast))])
    return [
        {key: step} | dict(zip(data.channel_names, values, strict=True))
        for step, values in zip(steps, forecast.tolist(), strict=True)
    ]
