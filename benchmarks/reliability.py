"""What it costs that a run cannot be lost, and stops at the first number that is none, in shares of a training step.

    python benchmarks/reliability.py [--quick] [--processor] [--rounds 7]

resnet on pictures of CIFAR-10's shape, as `python train.py` builds the run: with every step's generators set, and every
loss and gradient looked at, against a run without both. A checkpoint every 100 steps counts for its hundredth part.
Together at most 1.03 times as long.

A figure is the mean step of the fastest among several logging intervals within an epoch. Everything runs on the CPU.
"""

import statistics
import tempfile
import warnings
from functools import partial
from pathlib import Path
from unittest.mock import patch

from alternate import Rounds, alternate, arguments, seconds_of
from step import Recipe
from synthetic import cifar10

from iolaus.chance import generator_of
from iolaus.config import build
from iolaus.data import module
from iolaus.training.trainer import Trainer

BARE, LOOKED_AT, SAVE = "step of a run without", "step: seeded, looked at", "a checkpoint"
STEPS_PER_SAVE = 100


def trainer_of(recipe: Recipe, folder: Path, *, looks: bool) -> Trainer:
    """One that has gone through an epoch, in which nothing was saved but at its end."""
    model = recipe.model()
    task = build.build_task(recipe.config, model, recipe.data.input, recipe.data.target)
    callbacks = build.build_callbacks(recipe.config, task.objective)
    trainer = build.build_trainer(
        recipe.config, model, default_root_dir=folder, callbacks=callbacks, logger=False, enable_checkpointing=True
    )
    if not looks:
        trainer.callbacks.remove(trainer.non_finite)
    trainer.fit(task, datamodule=recipe.data)
    return trainer


def without(recipe: Recipe, folder: Path) -> None:
    with patch.object(module, "reseed", lambda _, device: generator_of(device)):
        trainer_of(recipe, folder, looks=False)


def save(trainer: Trainer) -> float:
    """Seconds for a checkpoint, written, flushed to the disk and digested."""
    checkpoint = trainer.checkpoint_callback
    return seconds_of(lambda: checkpoint.on_settled(trainer, "epoch"))


def ratio(rounds: Rounds) -> float:
    """Of everything together to the bare step."""
    taken = zip(rounds.seconds[LOOKED_AT], rounds.seconds[SAVE], rounds.seconds[BARE], strict=True)
    return statistics.median((step + saved / STEPS_PER_SAVE) / bare for step, saved, bare in taken)


def main() -> None:
    options = arguments(__doc__, num_rounds=7)
    warnings.filterwarnings("ignore")  # what Lightning says of runs that do not validate or log
    overrides = [
        *cifar10(real=False),
        "model=resnet",
        "optimizer=sgd",
        *(["data.batch_size=8"] if options.quick else []),
    ]
    recipe = Recipe(overrides, interval=1 if options.quick else 5, num_intervals=2 if options.quick else 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contenders = {
            BARE: partial(recipe.timed, partial(without, recipe, folder)),
            LOOKED_AT: partial(recipe.timed, partial(trainer_of, recipe, folder, looks=True)),
            SAVE: partial(save, trainer_of(recipe, folder, looks=True)),
        }
        rounds = alternate(contenders, num_rounds=options.rounds)
    for part in contenders:
        print(f"{part:<28} {rounds.median(part) * 1e3:8.1f} ms")
    print(f"{'seeded and looked at':<28} {rounds.ratio(LOOKED_AT, BARE):8.3f} ×")
    print(f"{'and saved every 100 steps':<28} {ratio(rounds):8.3f} ×   (target: at most 1.03 ×)")


if __name__ == "__main__":
    main()
