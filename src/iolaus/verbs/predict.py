"""`iolaus predict RUN --input FILE`: what a finished run says of a user's pictures, texts or series."""

import csv
import io
import json
from functools import singledispatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iolaus.data.module import DataModule
from iolaus.data.order import Order
from iolaus.data.series import SeriesData
from iolaus.folder import RunFolder
from iolaus.spec import Classes, Forecast, Target
from iolaus.verbs.rebuild import rebuild

Row = dict[str, Any]


def predict(run: RunFolder, path: Path) -> list[Row]:
    """One row per picture or text with its class and the probability of each; for a series, one per future step.

    Raises:
        ValueError: if the file cannot be read as what the model reads.
    """
    if not path.exists():
        raise ValueError(f"--input {path}: there is no such file or folder.")
    task, data = rebuild(run)
    split, names = data.examples(path)
    order = Order(len(split), data.batch_size, lengths=getattr(split, "lengths", None))
    outputs: dict[int, Tensor] = {}
    with torch.inference_mode():
        for index in order.batches(epoch=0):
            batch = data.normalize(split.batch(index))
            outputs |= zip(index.tolist(), task.predict(task(batch.input)), strict=True)
    return _rows(data.target, torch.stack([outputs[number] for number in range(len(names))]), names, data, path)


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
def _rows(target: Target, output: Tensor, names: list[str], data: DataModule, path: Path) -> list[Row]:
    raise AssertionError(f"no rows for {target}")


@_rows.register
def _(target: Classes, output: Tensor, names: list[str], data: DataModule, path: Path) -> list[Row]:
    best = output.argmax(dim=-1).tolist()
    return [
        {"name": name, "prediction": target.names[winner]}
        | dict(zip(target.names, (round(share, 6) for share in shares), strict=True))
        for name, winner, shares in zip(names, best, output.tolist(), strict=True)
    ]


@_rows.register
def _(target: Forecast, output: Tensor, names: list[str], data: DataModule, path: Path) -> list[Row]:
    assert isinstance(data, SeriesData)
    dates = data.future_dates(path)
    steps = dates or [str(step + 1) for step in range(target.horizon)]
    key = "date" if dates else "step"
    return [
        {key: step} | dict(zip(data.channel_names, values, strict=True))
        for step, values in zip(steps, data.unscale(output[0]).tolist(), strict=True)
    ]
