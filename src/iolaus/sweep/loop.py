"""Runs a study's trials: a free worker takes the next one, whatever the others are doing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from iolaus.folder.summary import read_summary
from iolaus.sweep.job import Ended, Engine, Job, Report
from iolaus.sweep.objective import Goal, curve, outcome
from iolaus.sweep.study import Claim, SweepStudy
from iolaus.sweep.verdict import is_hopeless, mean_and_deviation

_TICK = 0.5  # seconds between looks at the clock


@dataclass
class OpenTrial:
    """A trial of ours that is not over: which of its runs are still to start, which are at work, what has come of them.

    at_work: by seed, since when.
    seconds: by seed, what the run was trained for, over all attempts that its checkpoints led on from; where it did not
        get so far as to say it, what its last attempt took.
    values: by seed, one number for each goal.
    """

    claim: Claim
    to_start: list[int]
    at_work: dict[int, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    values: dict[int, list[float]] = field(default_factory=dict)
    num_attempts: dict[int, int] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)
    best: float | None = None
    is_decided: bool = False

    def seconds_so_far(self) -> float:
        """Over all its runs."""
        now = time.monotonic()
        return sum(self.seconds.values()) + sum(now - began for began in self.at_work.values())


class Loop:
    """make_job: the run of a trial's point with one of its seeds, counted from 0.
    on_change: called with all open trials whenever something has happened.
    """

    def __init__(
        self,
        study: SweepStudy,
        engine: Engine,
        make_job: Callable[[Claim, int], Job],
        *,
        num_seeds: int,
        num_retries: int,
        on_change: Callable[[dict[int, OpenTrial]], None],
    ) -> None:
        self.study, self.engine, self._make_job = study, engine, make_job
        self._num_seeds, self._num_retries, self._on_change = num_seeds, num_retries, on_change
        self.open: dict[int, OpenTrial] = {}
        self._jobs: dict[str, tuple[OpenTrial, int, Job]] = {}
        self._is_stopping = False

    @property
    def goal(self) -> Goal:
        return self.study.goals[0]

    def run(self, stop_asked: Callable[[], bool]) -> None:
        """Until nothing is left to claim, or somebody asks to stop; then what runs is ended, and given back."""
        while True:
            if stop_asked() and not self._is_stopping:
                self._stop()
            if not self._is_stopping:
                self._fill()
            if not self._jobs and (self._is_stopping or not (self.open or self.study.is_unsettled())):
                break
            for event in self.engine.events(_TICK):
                self._take_in(event)
            self.study.say_alive()
            self._on_change(self.open)
        for trial in list(self.open.values()):
            self._give_back_if_idle(trial)

    def _fill(self) -> None:
        """Gives every free worker something to do: the seeds of open trials first, then a new trial."""
        while len(self._jobs) < self.engine.num_workers:
            trial = next((trial for trial in self.open.values() if trial.to_start), None) or self._claim()
            if trial is None:
                return
            if trial.to_start:  # else all it had to do was done before
                self._start(trial)

    def _claim(self) -> OpenTrial | None:
        claim = self.study.claim()
        if claim is None:
            return None
        trial = OpenTrial(claim, [0])
        self.open[claim.number] = trial
        for seed in range(self._num_seeds):
            if self._is_done_before(trial, seed):
                self._finished(trial, seed)
        self._on_change(self.open)
        return trial

    def _is_done_before(self, trial: OpenTrial, seed: int) -> bool:
        """Whether an interrupted sweep had this run finished, and only lacked the time to write it down."""
        folder = self._make_job(trial.claim, seed).folder
        return seed in trial.to_start and read_summary(folder).get("status") == "finished"

    def _start(self, trial: OpenTrial) -> None:
        seed = trial.to_start.pop(0)
        job = self._make_job(trial.claim, seed)
        trial.num_attempts[seed] = trial.num_attempts.get(seed, 0) + 1
        if seed == 0:
            for epoch, value in curve(job.folder, self.goal.metric).items():
                self.study.report(trial.claim, epoch, value)
        trial.seconds.pop(seed, None)
        trial.at_work[seed] = time.monotonic()
        self._jobs[job.name] = (trial, seed, job)
        self.engine.start(job)
        self._on_change(self.open)

    def _take_in(self, event: Report | Ended) -> None:
        trial, seed, job = self._jobs[event.job]
        if isinstance(event, Report):
            self._reported(trial, seed, event, job)
            return
        del self._jobs[event.job]
        taken = time.monotonic() - trial.at_work.pop(seed)
        trial.seconds[seed] = read_summary(job.folder).get("fit_seconds", taken)
        if trial.is_decided:
            self._close_if_idle(trial)
        elif event.status == "finished":
            self._finished(trial, seed)
        elif event.status == "pruned":
            self._decide(trial, TrialState.PRUNED, f"fell behind, said {type(self.study.pruner).__name__}")
        elif self._is_stopping:
            trial.to_start.append(seed)
            self._give_back_if_idle(trial)
        else:
            self._failed(trial, seed, event.reason or "it stopped by itself")

    def _reported(self, trial: OpenTrial, seed: int, report: Report, job: Job) -> None:
        trial.steps[seed] = report.num_steps
        value = report.metrics.get(self.goal.metric)
        if value is not None and seed == 0 and not trial.is_decided:
            trial.best = self.goal.best([value, *([] if trial.best is None else [trial.best])])
            self.study.report(trial.claim, report.epoch, value)
        if job.can_be_pruned:
            self.engine.answer(report.job, go_on=trial.is_decided or not self.study.should_prune(trial.claim))

    def _finished(self, trial: OpenTrial, seed: int) -> None:
        if seed in trial.to_start:
            trial.to_start.remove(seed)
        folder = self._make_job(trial.claim, seed).folder
        values = outcome(folder, self.study.goals)
        summary = read_summary(folder)
        trial.steps[seed], trial.seconds[seed] = summary.get("num_steps", 0), summary.get("fit_seconds", 0.0)
        if values is None:
            self._decide(trial, TrialState.FAIL, f"has no {self.goal.metric} that is a number")
            return
        trial.values[seed] = values
        firsts = [values[0] for values in trial.values.values()]
        if len(trial.values) == self._num_seeds:
            self._decide(trial, TrialState.COMPLETE)
        elif self._num_seeds > 1 and is_hopeless(self.goal, firsts, self._finished_seeds()):
            reason = f"hopeless after {len(firsts)} of {self._num_seeds} seeds"
            self._decide(trial, TrialState.PRUNED, reason)
        elif seed == 0:  # the others may run side by side
            trial.to_start += range(1, self._num_seeds)

    def _finished_seeds(self) -> list[list[float]]:
        return [
            trial.user_attrs["result"]["values"]
            for trial in self.study.trials()
            if trial.state is TrialState.COMPLETE and "result" in trial.user_attrs
        ]

    def _failed(self, trial: OpenTrial, seed: int, reason: str) -> None:
        if trial.num_attempts[seed] <= self._num_retries:
            trial.to_start.insert(0, seed)
            return
        attempts = trial.num_attempts[seed]
        self._decide(trial, TrialState.FAIL, reason if attempts == 1 else f"{reason} (tried {attempts} times)")

    def _decide(self, trial: OpenTrial, state: TrialState, reason: str | None = None) -> None:
        """Writes down what came of a trial, and ends those of its runs that are no longer needed."""
        trial.is_decided = True
        trial.to_start.clear()
        means = self._means(trial) if state is TrialState.COMPLETE else None
        self.study.finish(trial.claim, state, self.result(trial, reason), means)
        for name, (other, _, _) in self._jobs.items():
            if other is trial:
                self.engine.stop(name, at_once=True)
        self._close_if_idle(trial)

    def result(self, trial: OpenTrial, reason: str | None = None) -> dict[str, Any]:
        """The trial as far as it is, for trials.json."""
        seeds = sorted(trial.values)
        values = [trial.values[seed][0] for seed in seeds]
        mean, deviation = mean_and_deviation(values) if values else (trial.best, None)
        result: dict[str, Any] = {
            "value": mean,
            "values": values,
            "deviation": deviation,
            "seconds": round(trial.seconds_so_far(), 3),
            "steps": sum(trial.steps.values()),
            "reason": reason,
            "runs": [self._make_job(trial.claim, seed).name for seed in sorted({*trial.num_attempts, *seeds})],
        }
        if len(self.study.goals) > 1 and values:
            metrics = [goal.metric for goal in self.study.goals]
            result["objectives"] = dict(zip(metrics, self._means(trial), strict=True))
        return result

    @staticmethod
    def _means(trial: OpenTrial) -> list[float]:
        """Over the seeds, for each goal."""
        return [mean_and_deviation(list(values))[0] for values in zip(*trial.values.values(), strict=True)]

    def _close_if_idle(self, trial: OpenTrial) -> None:
        if not trial.at_work:
            del self.open[trial.claim.number]

    def _give_back_if_idle(self, trial: OpenTrial) -> None:
        if not trial.at_work:
            self.study.release(trial.claim)
            del self.open[trial.claim.number]

    def _stop(self) -> None:
        self._is_stopping = True
        for name in self._jobs:
            self.engine.stop(name, at_once=False)
        for trial in list(self.open.values()):
            self._give_back_if_idle(trial)


def job_folder(sweep: Path, number: int, seed: int | None) -> Path:
    """seed: None where every point is run once."""
    return sweep / str(number) if seed is None else sweep / str(number) / f"seed-{seed}"
