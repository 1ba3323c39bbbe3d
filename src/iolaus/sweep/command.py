"""`python train.py -m …`: checks the sweep and gives it its folder; then runs it, or goes on with one."""

import os
import shlex
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig

from iolaus.chance import seeds_of
from iolaus.config import build
from iolaus.config.compose import override_key
from iolaus.folder.place import reserve
from iolaus.process.failure import show_warnings_in_one_line
from iolaus.secrets import mask_override
from iolaus.sweep.board import leaderboard
from iolaus.sweep.check import find_goals, warn_of_other_data
from iolaus.sweep.engines import local
from iolaus.sweep.engines.ray import RayCluster
from iolaus.sweep.engines.remote import Remote
from iolaus.sweep.engines.slurm import SlurmCluster
from iolaus.sweep.job import Engine
from iolaus.sweep.loop import Loop
from iolaus.sweep.machine import gpus_of_a_trial, shares
from iolaus.sweep.no_effect import warn_of_no_effect
from iolaus.sweep.objective import Goal
from iolaus.sweep.plan import Plan, num_trials, plan
from iolaus.sweep.request import write_sweep
from iolaus.sweep.session import Session
from iolaus.sweep.storage import close_storage, open_storage, without_password
from iolaus.sweep.study import SweepStudy

_WORKERS_OF_SLURM = 8  # jobs at a time, unless asked for others


def prepare(overrides: list[str]) -> list[str]:
    """What else can be found wrong before there is a folder, with the sweep as a whole; warns of what is doubtful."""
    sweep = plan(overrides)
    try:
        find_goals(sweep)
        if sweep.options.engine == "local":
            _shares(sweep)
    except ValueError as error:
        return [str(error)]
    show_warnings_in_one_line(in_logs=False)
    warn_of_other_data(sweep)
    warn_of_no_effect(sweep)
    return []


def place(overrides: list[str]) -> Path | None:
    """The sweep's folder, which exists from here on; None if nothing is to be run."""
    options = plan(overrides).options
    if options.dry_run:
        return None
    if options.resume:
        return Path(options.resume).resolve()
    if options.dir:
        Path(options.dir).mkdir(parents=True, exist_ok=True)
        return Path(options.dir).resolve()
    return reserve(Path("outputs/sweeps"))


def preview(overrides: list[str]) -> list[str]:
    from iolaus.sweep import cost

    return cost.preview(plan(overrides))


def run(overrides: list[str], folder: Path) -> int:
    """Runs the sweep's trials, and returns the exit code.

    Raises:
        ValueError: if the storage holds another study of this name.
    """
    sweep = plan(overrides)
    goals = find_goals(sweep)
    engine = None
    try:
        engine = _engine(sweep, folder)
        if not sweep.options.resume:
            _write_sweep(folder, sweep, goals, overrides)
        study = _open_study(sweep, folder, goals)
    except ValueError:
        if engine:
            engine.close()
        if not sweep.options.resume:
            _take_back(folder)
        raise
    session = Session(sweep, folder, study, goals)
    loop = Loop(
        study,
        engine,
        session.job,
        num_seeds=sweep.options.seeds,
        num_retries=sweep.options.retries,
        on_change=session.show,
    )
    session.loop = loop
    with _signals() as signals:
        try:
            loop.run(lambda: bool(signals))
        finally:
            engine.close()
            session.show({}, at_once=True)
            session.board.close()
    records = session.records({})
    close_storage(study.storage)
    return _conclude(records, goals[0], folder, signals)


def _take_back(folder: Path) -> None:
    """Of a sweep that cannot begin: a folder that holds nothing but what it was to be."""
    (folder / "sweep.yaml").unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _open_study(sweep: Plan, folder: Path, goals: list[Goal]) -> SweepStudy:
    sampler, pruner = sweep.sampler, sweep.pruner
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # of no use to who chose them
    return SweepStudy(
        open_storage(sweep.options.storage, folder),
        folder.name,
        sweep.space,
        goals,
        num_trials=num_trials(sweep),
        sampler=None
        if sampler is None
        else lambda number: build.factory(sweep.config, "sweep.sampler")(seed=_seed(sweep.config, number)),
        pruner=None if pruner is None else build.factory(sweep.config, "sweep.pruner")(),
    )


def _seed(config: DictConfig, number: int) -> int:
    """Of the sampler that proposes this trial."""
    return seeds_of(1, config.seed, number)[0] % 2**32


def _shares(sweep: Plan) -> list[Any]:
    return shares(sweep.options.workers, num_trials(sweep), sweep.samples[0].config)


def _engine(sweep: Plan, folder: Path) -> Engine:
    """Raises ValueError if the cluster is not there."""
    options = sweep.options
    if options.engine == "local":
        return local.Local(_shares(sweep))
    if options.engine == "ray":
        cluster = RayCluster(
            options.address,
            num_workers=options.workers,
            num_cores=options.cores,
            num_gpus=gpus_of_a_trial(sweep.samples[0].config),
        )
        return Remote(cluster, cluster.num_workers)
    slurm = SlurmCluster(folder, options.address, num_cores=options.cores, options=options.slurm)
    return Remote(slurm, options.workers or _WORKERS_OF_SLURM)


def _write_sweep(folder: Path, sweep: Plan, goals: list[Goal], overrides: list[str]) -> None:
    typed = [mask_override(without_password(text)) for text in overrides if not override_key(text).startswith("hydra")]
    objective = [{"metric": goal.metric, "mode": goal.mode} for goal in goals]
    write_sweep(
        folder,
        command=shlex.join(["python", os.path.relpath(sys.argv[0]), "-m", *typed]),
        overrides=typed,
        space=sweep.space.describe(),
        objective=objective if len(objective) > 1 else objective[0],
        sampler="grid" if sweep.sampler is None else sweep.sampler["_target_"].rpartition(".")[2],
        pruner=None if sweep.pruner is None else sweep.pruner["_target_"].rpartition(".")[2],
        trials=num_trials(sweep),
        seeds=sweep.options.seeds,
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    )


def _conclude(records: list[dict[str, Any]], goal: Goal, folder: Path, signals: list[int]) -> int:
    print(f"\n{leaderboard(records, goal)}\n\n{_shown(folder)}", flush=True)
    num_open = sum(record["state"] in ("waiting", "running") for record in records)
    if num_open:
        go_on = f"go on with: python {os.path.relpath(sys.argv[0])} -m sweep.resume={_shown(folder)}"
        print(f"\n{num_open} trials are left; {go_on}", file=sys.stderr)
    if signals:
        return 128 + signals[0]
    return int(any(record["state"] == "failed" for record in records))


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Those that asked the sweep to stop. The first one is heeded when it suits; the second ends it at once."""
    seen: list[int] = []

    def note(number: int, _: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    before: dict[int, Any] = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
