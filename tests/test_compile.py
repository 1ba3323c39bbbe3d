"""`trainer.compile` reaches what a task calls: the whole model, or its features alone."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from iolaus.training.memory import step_bytes
from tests.failure.fits import parts


@pytest.mark.parametrize(
    ("overrides", "compiled"),
    [
        (["model=mlp"], "_call_impl"),
        (["model=gpt", "data=reviews", "task=language_model"], "features"),
        (["model=bert", "data=reviews", "task=masked_language_model", "data.framed=true"], "features"),
        (["model=seq2seq", "data=transductions"], "features"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_every_training_step_is_compiled(
    overrides: list[str], compiled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def watch(function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls[function.__name__] += 1
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(torch, "compile", watch)
    small = ["model.dim=16", "data.batch_size=8", "trainer.max_epochs=1", "+trainer.limit_val_batches=0"]
    trainer, task, data = parts(tmp_path, *overrides, *small, "trainer.compile=true")
    trainer.fit(task, datamodule=data)
    assert calls[compiled] == trainer.global_step == 6
    assert all(isinstance(value, torch.Tensor) for value in task.state_dict().values())


def test_what_a_step_takes_is_counted_as_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        return lambda *arguments: function(*arguments)  # is of this model, and stays so when the model is copied

    monkeypatch.setattr(torch, "compile", compiled)
    options = ["model=gpt", "data=reviews", "model.dim=16", "model.num_layers=1"]
    counted = []
    for more in ([], ["trainer.compile=true"]):
        _, task, data = parts(tmp_path, *options, *more)
        counted.append(step_bytes(task.model, data.train.batch(torch.arange(1)).input, 8))
    assert counted[0] == counted[1] is not None
