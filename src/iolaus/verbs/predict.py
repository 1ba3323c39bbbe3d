"""`iolaus predict RUN --input FILE`: what a finished run says of a user's pictures, texts or series."""

from pathlib import Path

import torch
from torch import Tensor

from iolaus.data.loader import Split
from iolaus.data.numbered import Numbered
from iolaus.data.series.series import SeriesData
from iolaus.data.text.tokenized import TokenizedData
from iolaus.folder.run_folder import RunFolder
from iolaus.tasks.task import Task
from iolaus.training import memory
from iolaus.verbs.predictions import Row, predictions, rows
from iolaus.verbs.rebuild import rebuild


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
        output, _ = predictions(task, data, split, size)
    if isinstance(data, SeriesData):
        return _forecast_rows(data, data.unscale(output[0]), data.future_dates(path))
    return rows(task.target, data.unscale(output) if isinstance(data, Numbered) else output, names)


def _written_rows(task: Task, data: TokenizedData, split: Split, names: list[str]) -> list[Row]:
    """One row per text with what the task writes of it; none, where it writes nothing."""
    rows = []
    for number, name in enumerate(names):
        written = task.answer(split.batch(torch.tensor([number])).input, data.decode)
        if written is None:
            return []
        rows.append({"name": name} | written)
    return rows


def _forecast_rows(data: SeriesData, forecast: Tensor, dates: list[str]) -> list[Row]:
    """`forecast` (horizon, channels), in the units of the data; numbered where the file has no dates."""
    key, steps = ("date", dates) if dates else ("step", [str(step + 1) for step in range(len(forecast))])
    return [
        {key: step} | dict(zip(data.channel_names, values, strict=True))
        for step, values in zip(steps, forecast.tolist(), strict=True)
    ]
