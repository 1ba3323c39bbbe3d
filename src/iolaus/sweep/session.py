"""One process's work on a sweep: the jobs that it gives to its workers, and what it writes and shows of them."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from iolaus.config.compose import Composed, compose, override_key
from iolaus.secrets import mask_override
from iolaus.sweep.board import Board
from iolaus.sweep.job import Job
from iolaus.sweep.loop import Loop, OpenTrial, job_folder
from iolaus.sweep.objective import Goal
from iolaus.sweep.plan import Plan
from iolaus.sweep.records import record, write_trials
from iolaus.sweep.study import Claim, SweepStudy

_WRITTEN_EVERY = 1.0  # seconds, while nothing but a running trial's steps has changed


class Session:
    """loop: set as soon as there is one; it knows what has come of the open trials."""

    def __init__(self, sweep: Plan, folder: Path, study: SweepStudy, goals: list[Goal]) -> None:
        self.sweep, self.folder, self.study, self.goals = sweep, folder, study, goals
        self.script = str(Path(sys.argv[0]).resolve())
        self.seed = int(sweep.samples[0].config.seed)
        self.board = Board(goals[0])
        self.loop: Loop | None = None
        self._shown: tuple[Any, ...] = ()
        self._written = 0.0

    def job(self, claim: Claim, seed: int) -> Job:
        num_seeds = self.sweep.options.seeds
        folder = job_folder(self.folder, claim.number, None if num_seeds == 1 else seed)
        overrides = [*self.overrides(claim), *([f"seed={self.seed + seed}"] if num_seeds > 1 else [])]
        return Job(
            name=str(folder.relative_to(self.folder)),
            folder=folder,
            overrides=overrides,
            sweep=self.folder.name,
            metrics=[goal.metric for goal in self.goals if not goal.is_cost],
            script=self.script,
            can_be_pruned=seed == 0 and self.study.pruner is not None,
            timeout=self.sweep.options.timeout,
            composed=_composed(overrides),
        )

    def overrides(self, claim: Claim) -> list[str]:
        fixed = self.sweep.fixed
        if self.sweep.options.seeds > 1:
            fixed = [text for text in fixed if override_key(text) != "seed"]
        return [*fixed, *self.sweep.space.overrides(claim.params)]

    def show(self, open_trials: dict[int, OpenTrial], *, at_once: bool = False) -> None:
        """Rewrites trials.json if a trial has changed, and the table on the terminal."""
        trials = self.study.trials()
        state = tuple(trial.state for trial in trials)
        if not at_once and state == self._shown and time.monotonic() - self._written < _WRITTEN_EVERY:
            return
        records = self.records(open_trials)
        write_trials(self.folder, records)
        self.board.show(records)
        self._shown, self._written = state, time.monotonic()

    def records(self, open_trials: dict[int, OpenTrial]) -> list[dict[str, Any]]:
        script, fixed = os.path.relpath(self.script), [mask_override(text) for text in self.sweep.fixed]
        found = [record(trial, self.sweep.space, self.goals, fixed, script) for trial in self.study.trials()]
        for number, trial in open_trials.items():
            assert self.loop is not None
            found[number] |= self.loop.result(trial) if not trial.is_decided else {}
        return found


def _composed(overrides: list[str]) -> Composed | None:
    """Here it takes milliseconds: most choices have been read. None if they do not go together: then the trial is to
    fail, and not the sweep."""
    try:
        return compose(overrides)
    except (HydraException, OmegaConfBaseException):
        return None
