"""What a training step costs beside the model's arithmetic, against a loop written by hand and a bare Trainer.

    python benchmarks/step.py [--quick] [--processor] [--rounds 7]

resnet on CIFAR-10: a run as `python train.py` builds it, against a hand-written loop with the same model, batches,
optimizer, precision and memory format: at most 1.05 times as long. mlp on digits, batch 64: what each layer of a run
adds, in microseconds; task, callbacks (with the bar that a terminal shows) and loggers together at most 100.

A figure is the mean step of the fastest among several logging intervals within an epoch; setting up, validation and
checkpoints are left out. Everything runs on the CPU.
"""

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from alternate import alternate, arguments, now
from lightning.pytorch.loggers import CSVLogger
from synthetic import cifar10
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from iolaus.batch import Batch
from iolaus.config import build
from iolaus.config.compose import compose
from iolaus.data.loader import Split
from iolaus.hardware import best_precision, memory_format
from iolaus.loggers.run_logger import Identity
from iolaus.optimizers import parameter_groups
from iolaus.spec import Classes


class Clock:
    """A split that goes on for as many samples as asked, and notes when each batch is fetched."""

    def __init__(self, split: Split, num_samples: int) -> None:
        self.split = split
        self.num_samples = num_samples
        self.times: list[float] = []

    def __len__(self) -> int:
        return self.num_samples

    def batch(self, index: Tensor) -> Batch:
        self.times.append(now())
        return self.split.batch(index % len(self.split))


class Terminal(io.StringIO):
    """Lets a progress bar believe that somebody watches."""

    def isatty(self) -> bool:
        return True


class Recipe:
    """A config, its data in memory, and epochs of `num_intervals` logging intervals of `interval` steps each."""

    def __init__(self, overrides: list[str], *, interval: int, num_intervals: int) -> None:
        options = ["trainer=cpu", "trainer.max_epochs=1", f"trainer.log_every_n_steps={interval}"]
        self.config = compose([*overrides, *options, "+trainer.limit_val_batches=0"]).config
        self.data = build.build_data(self.config)
        self.data.setup()
        self.interval, self.num_steps = interval, interval * num_intervals
        self.data.train = self.clock = Clock(self.data.train, (self.num_steps + 1) * self.data.batch_size)

    def model(self) -> nn.Module:
        return build.build_model(self.config, self.data.input, self.data.target)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        return build.factory(self.config, "optimizer")(parameter_groups(model))

    def timed(self, epoch: Callable[[], Any]) -> float:
        """Seconds per step in the fastest logging interval of the epoch that this call goes through."""
        self.clock.times.clear()
        epoch()
        starts = self.clock.times[self.interval :: self.interval]  # the first interval only warms up
        return min(end - start for start, end in pairwise(starts)) / self.interval

    def fit(self, task: L.LightningModule, model: nn.Module, folder: Path, **options: Any) -> None:
        quiet = {"callbacks": [], "logger": False, "enable_checkpointing": False} | options
        trainer = build.build_trainer(self.config, model, default_root_dir=folder, **quiet)
        with contextlib.redirect_stderr(Terminal()), contextlib.redirect_stdout(Terminal()):
            trainer.fit(task, datamodule=self.data)


class Bare(L.LightningModule):
    """The least that a Trainer can be given."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = recipe.model(), recipe
        self.loss = build.factory(recipe.config, "loss")()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self.loss(self.model(batch.input), batch.target)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.recipe.optimizer(self.model)


class Usual(Bare):
    """As it is usually written: loss and accuracy are logged in every step, as means over the epoch."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        assert isinstance(recipe.data.target, Classes)
        self.accuracy = MulticlassAccuracy(len(recipe.data.target.names))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        output = self.model(batch.input)
        loss = self.loss(output, batch.target)
        self.accuracy(output, batch.target)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train/accuracy", self.accuracy, on_step=False, on_epoch=True, prog_bar=True)
        return loss


def loop(recipe: Recipe) -> None:
    """An epoch by hand, with what the Trainer would have chosen for this model."""
    model, loss = recipe.model(), build.factory(recipe.config, "loss")()
    optimizer = recipe.optimizer(model)
    model.to(memory_format=memory_format(model))  # type: ignore[call-overload]
    is_mixed = best_precision(model, "cpu").name == "bf16-mixed"
    for batch in recipe.data.train_dataloader():
        batch = recipe.data.on_after_batch_transfer(batch, 0)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            error = loss(model(batch.input), batch.target)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()


def bare(recipe: Recipe, folder: Path, kind: type[Bare] = Bare, **options: Any) -> None:
    task = kind(recipe)
    recipe.fit(task, task.model, folder, **options)


def ours(recipe: Recipe, folder: Path, *, callbacks: bool, loggers: bool) -> None:
    """A run as `python train.py` builds it, or without its callbacks and loggers."""
    task = build.build_task(recipe.config, recipe.model(), recipe.data.input, recipe.data.target)
    options: dict[str, Any] = {}
    if callbacks:
        found = build.build_callbacks(recipe.config, task.objective)
        options |= {"callbacks": found, "enable_checkpointing": True}
    if loggers:
        options["logger"] = build.build_loggers(recipe.config, Identity(folder))
    recipe.fit(task, task.model, folder, **options)


def large(folder: Path, *, quick: bool, num_rounds: int) -> None:
    overrides = [*cifar10(real=not quick), "model=resnet", "optimizer=sgd", *(["data.batch_size=8"] if quick else [])]
    recipe = Recipe(overrides, interval=1 if quick else 5, num_intervals=2 if quick else 4)
    by_hand, complete = "resnet, loop by hand", "resnet, python train.py"
    contenders = {
        by_hand: partial(recipe.timed, partial(loop, recipe)),
        complete: partial(recipe.timed, partial(ours, recipe, folder, callbacks=True, loggers=True)),
    }
    rounds = alternate(contenders, num_rounds=num_rounds)
    for name, target in {by_hand: "", complete: "   (target: at most 1.05 ×)"}.items():
        print(f"{name:<48} {rounds.median(name) * 1e3:8.1f} ms a step  {rounds.ratio(name, by_hand):5.3f} ×{target}")


def small(folder: Path, *, quick: bool, num_rounds: int) -> None:
    recipe = Recipe(["model=mlp", "data=digits"], interval=5 if quick else 50, num_intervals=2 if quick else 8)
    epochs: dict[str, Callable[[], None]] = {
        "mlp, loop by hand": partial(loop, recipe),
        "bare Trainer": partial(bare, recipe, folder),
        "  + task": partial(ours, recipe, folder, callbacks=False, loggers=False),
        "  + task, callbacks": partial(ours, recipe, folder, callbacks=True, loggers=False),
        "  + task, callbacks, loggers: python train.py": partial(ours, recipe, folder, callbacks=True, loggers=True),
        "  + self.log, torchmetrics": partial(bare, recipe, folder, Usual),
        "  + self.log, torchmetrics, Lightning's bar, CSV": lambda: bare(
            recipe, folder, Usual, enable_progress_bar=True, logger=CSVLogger(folder)
        ),
    }
    rounds = alternate({name: partial(recipe.timed, epoch) for name, epoch in epochs.items()}, num_rounds=num_rounds)
    for name in epochs:
        extra = rounds.extra(name, "bare Trainer") * 1e6
        target = "   (target: at most +100 µs)" if "train.py" in name else ""
        print(f"{name:<48} {rounds.median(name) * 1e6:8.0f} µs a step  {extra:+7.0f} µs{target}")


def main() -> None:
    options = arguments(__doc__, num_rounds=7)
    warnings.filterwarnings("ignore")  # what Lightning says of runs that do not validate or log
    with tempfile.TemporaryDirectory() as name:
        large(Path(name), quick=options.quick, num_rounds=options.rounds)
        print()
        small(Path(name), quick=options.quick, num_rounds=options.rounds)


if __name__ == "__main__":
    main()
