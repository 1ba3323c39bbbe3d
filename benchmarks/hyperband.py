"""How many training steps Hyperband needs to find what a whole grid finds: to be under a third of them.

    python benchmarks/hyperband.py FOLDER [--draws 10] [--trials 48] [--factor 3]

The grid's points all run to their end, for real: FOLDER goes on where it was, or is only read. Then the same space is
searched by `sweep=hyperband` (TPE proposes, Hyperband ends), and its points are gone through with the pruner alone, two
trials at a time. Each draw has another seed and another name, from which the brackets are filled.

These runs are played back: a trial that is ended early has the first epochs of the one that is not, because a seed
gives the same run each time. Sampler, pruner, study and loop are the real ones.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import optuna

from iolaus.chance import seeds_of
from iolaus.config import build
from iolaus.folder.summary import read_summary
from iolaus.sweep.job import Ended, Job, Report
from iolaus.sweep.loop import Loop
from iolaus.sweep.objective import Goal, curve
from iolaus.sweep.plan import num_trials, plan
from iolaus.sweep.records import read_trials, record
from iolaus.sweep.study import Claim, SweepStudy

TRAIN = Path(__file__).resolve().parents[1] / "train.py"
GOAL = Goal("val/accuracy", "max")
SPACE = [
    "model.dim=16,64,256",
    "optimizer.lr=1e-4,3e-4,1e-3,3e-3,1e-2,3e-2",
    "model.dropout=0.0,0.1,0.3,0.5",
    "trainer=cpu",
    "trainer.max_epochs=27",
]


class Playback:
    """An engine that runs nothing: a job validates to what the grid's trial of the same point did.

    originals: by job, the folder of that trial.
    """

    num_workers = 2

    def __init__(self, originals: dict[str, Path]) -> None:
        self._originals = originals
        self._next: list[tuple[Job, int] | Ended] = []  # of each worker: the epoch of its job, counted from 1
        self._validated: tuple[Job, int]

    def start(self, job: Job) -> None:
        self._next.append((job, 1))

    def events(self, timeout: float) -> list[Report | Ended]:
        due = self._next.pop(0)
        if isinstance(due, Ended):
            return [due]
        job, epoch = self._validated = due
        values, original = self._values(job), self._originals[job.name]
        if epoch > len(values):
            shutil.copytree(original, job.folder)  # what the sweep reads of a finished run
            return [Ended(job.name, "finished")]
        num_steps = read_summary(original)["num_steps"] * epoch // len(values)
        return [Report(job.name, epoch, num_steps, {GOAL.metric: values[epoch]})]

    def answer(self, job: str, *, go_on: bool) -> None:
        asked, epoch = self._validated
        is_last = epoch == len(self._values(asked))
        if go_on or is_last:
            self._next.append((asked, epoch + 1))
        else:
            self._next.insert(0, Ended(job, "pruned"))

    def _values(self, job: Job) -> dict[int, float]:
        return values_of(self._originals[job.name])

    def stop(self, job: str, *, at_once: bool) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""


@cache
def values_of(run: Path) -> dict[int, float]:
    return curve(run, GOAL.metric)


def run_grid(folder: Path) -> list[dict[str, Any]]:
    """Its trials, all of which are over."""
    is_begun = (folder / "sweep.yaml").exists()
    overrides = [f"sweep.resume={folder}"] if is_begun else [*SPACE, f"sweep.dir={folder}"]
    trials = read_trials(folder) if is_begun else []
    if not trials or any(trial["state"] != "finished" for trial in trials):
        subprocess.run([sys.executable, TRAIN, "-m", *overrides], check=True, stdout=subprocess.DEVNULL)
    return read_trials(folder)


def play(grid: list[dict[str, Any]], folder: Path, overrides: list[str], draw: int) -> list[dict[str, Any]]:
    sweep = plan([*SPACE, *overrides, f"seed={draw}"])
    place = {point_of(trial["params"]): folder / str(trial["number"]) for trial in grid}
    originals: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as scratch:

        def make_job(claim: Claim, _: int) -> Job:
            name = str(claim.number)
            originals[name] = place[point_of(claim.params)]
            return Job(name, Path(scratch) / name, [], "", [GOAL.metric], "", can_be_pruned=True)

        def sampler(number: int) -> optuna.samplers.BaseSampler:
            return build.factory(sweep.config, "sweep.sampler")(seed=seeds_of(1, draw, number)[0] % 2**32)

        study = SweepStudy(
            optuna.storages.InMemoryStorage(),
            f"draw-{draw}",
            sweep.space,
            [GOAL],
            num_trials=num_trials(sweep),
            sampler=None if sweep.sampler is None else sampler,
            pruner=build.factory(sweep.config, "sweep.pruner")(),
        )
        Loop(study, Playback(originals), make_job, num_seeds=1, num_retries=0, on_change=lambda _: None).run(bool)
        return [record(trial, sweep.space, [GOAL], [], "") for trial in study.trials()]


def point_of(params: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(params.items()))


def row(how: str, draws: list[list[dict[str, Any]]], grid: list[dict[str, Any]]) -> str:
    shares = [share(trials, grid) for trials in draws]
    num_found = sum(best(trials) == best(grid) for trials in draws)
    ended = statistics.median(len(finished(trials)) for trials in draws)
    steps = f"{statistics.median(shares):.0%} ({min(shares):.0%} to {max(shares):.0%})"
    return f"| {how} | {num_found} of {len(draws)} | {steps} | {ended:.0f} of {len(draws[0])} |"


def finished(trials: list[dict[str, Any]]) -> list[float]:
    return [trial["value"] for trial in trials if trial["state"] == "finished"]


def best(trials: list[dict[str, Any]]) -> float:
    return max(finished(trials))


def share(trials: list[dict[str, Any]], grid: list[dict[str, Any]]) -> float:
    """Of the grid's training steps."""
    return sum(trial["steps"] for trial in trials) / sum(trial["steps"] for trial in grid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--trials", type=int, default=48, help="of sweep=hyperband")
    parser.add_argument("--factor", type=int, help="another than conf/sweep/pruner/hyperband.yaml has")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    folder = options.folder.resolve()
    grid = run_grid(folder)
    print(f"The grid's {len(grid)} trials reach {best(grid):.2%} in {sum(trial['steps'] for trial in grid):,} steps.\n")
    print("| how | draws that reach it | steps, of the grid's | trials that ran to their end |\n|---|---|---|---|")
    factor = [f"sweep.pruner.reduction_factor={options.factor}"] if options.factor else []
    for overrides in (["sweep=hyperband", f"sweep.trials={options.trials}"], ["sweep/pruner=hyperband"]):
        draws = [play(grid, folder, [*overrides, *factor], draw) for draw in range(options.draws)]
        print(row(f"`{' '.join([*overrides, *factor])}`", draws, grid), flush=True)


if __name__ == "__main__":
    main()
