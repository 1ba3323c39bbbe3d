"""Who gets the next worker, and what becomes of trials that fail, hang or fall behind; without processes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from iolaus.sweep.job import Ended, Job, Report
from iolaus.sweep.loop import Loop, job_folder
from iolaus.sweep.objective import Goal, outcome
from iolaus.sweep.records import record
from iolaus.sweep.space import Space, dimension
from iolaus.sweep.storage import open_storage
from iolaus.sweep.study import Claim, SweepStudy
from iolaus.sweep.verdict import is_hopeless

GOAL = Goal("val/accuracy", "max")


def leave(folder: Path, values: list[float], status: str = "finished") -> None:
    """What a run leaves that had these validation values."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{epoch},{10 * epoch},{value}\n" for epoch, value in enumerate(values))
    (folder / "metrics.csv").write_text(f"epoch,step,val/accuracy\n{rows}")
    summary = {"status": status, "num_steps": 10 * len(values), "fit_seconds": 7.0}
    (folder / "summary.json").write_text(json.dumps(summary))


class Theatre:
    """An engine that acts: `play` says, for a job and how often it was started, which values it validates to, or why
    it fails."""

    def __init__(self, play: Callable[[Job, int], list[float] | str], num_workers: int = 2) -> None:
        self.num_workers, self._play = num_workers, play
        self._events: list[Report | Ended] = []
        self._values: dict[str, list[float]] = {}
        self.jobs: dict[str, Job] = {}
        self.starts: list[str] = []
        self.most_at_once = 0

    def start(self, job: Job) -> None:
        assert len(self.jobs) < self.num_workers
        self.jobs[job.name] = job
        self.starts.append(job.name)
        self.most_at_once = max(self.most_at_once, len(self.jobs))
        played = self._play(job, self.starts.count(job.name))
        if isinstance(played, str):
            self._events.append(Ended(job.name, "failed", played))
            return
        self._values[job.name] = played
        self._validate(job, 0)

    def _validate(self, job: Job, epoch: int) -> None:
        values = self._values[job.name]
        if epoch == len(values):
            leave(job.folder, values)
            self._events.append(Ended(job.name, "finished"))
            return
        self._events.append(Report(job.name, epoch + 1, 10 * (epoch + 1), {"val/accuracy": values[epoch]}))
        if not job.can_be_pruned:
            self._validate(job, epoch + 1)

    def events(self, timeout: float) -> list[Report | Ended]:
        assert self._events, "the loop waits for nothing"
        event = self._events.pop(0)
        self._last = event
        if isinstance(event, Ended):
            del self.jobs[event.job]
        return [event]

    def answer(self, job: str, *, go_on: bool) -> None:
        assert isinstance(self._last, Report)
        if go_on:
            self._validate(self.jobs[job], self._last.epoch)
        else:
            self._events.append(Ended(job, "pruned"))

    def stop(self, job: str, *, at_once: bool) -> None:
        self._events = [event for event in self._events if event.job != job]
        self._events.append(Ended(job, "interrupted"))

    def close(self) -> None: ...


def perform(
    folder: Path,
    play: Callable[[Job, int], list[float] | str],
    *,
    space: str = "a=1,2,3",
    num_trials: int = 3,
    num_workers: int = 2,
    num_seeds: int = 1,
    num_retries: int = 0,
    pruner: BasePruner | None = None,
    sampler: Callable[[int], BaseSampler] | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
) -> tuple[list[dict[str, Any]], Theatre]:
    dimensions = Space(tuple(dimension(OverridesParser.create().parse_override(text)) for text in space.split()))
    study = SweepStudy(
        open_storage(None, folder), "s", dimensions, [GOAL], num_trials=num_trials, sampler=sampler, pruner=pruner
    )
    theatre = Theatre(play, num_workers)

    def make_job(claim: Claim, seed: int) -> Job:
        path = job_folder(folder, claim.number, None if num_seeds == 1 else seed)
        name = str(path.relative_to(folder))
        return Job(name, path, [], "s", ["val/accuracy"], "train.py", can_be_pruned=seed == 0 and pruner is not None)

    loop = Loop(
        study, theatre, make_job, num_seeds=num_seeds, num_retries=num_retries, on_change=lambda _: None
    )  # fmt: skip
    loop.run(stop_asked)
    return [record(trial, dimensions, [GOAL], [], "train.py") for trial in study.trials()], theatre


def test_a_free_worker_takes_the_next_trial_and_the_best_validation_counts(tmp_path: Path) -> None:
    records, theatre = perform(tmp_path, lambda job, _: [0.1, float(f"0.{job.name}5"), 0.01])
    assert theatre.starts == ["0", "1", "2"]
    assert theatre.most_at_once == 2
    assert [found["state"] for found in records] == ["finished"] * 3
    assert [found["value"] for found in records] == [0.1, 0.15, 0.25]  # never the last
    assert [found["params"] for found in records] == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [found["runs"] for found in records] == [["0"], ["1"], ["2"]]
    assert records[0].keys() == {
        "number", "state", "value", "values", "deviation", "params", "overrides", "seconds", "steps", "reason", "runs",
        "command",
    }  # fmt: skip


def test_a_trial_that_fails_is_recorded_and_the_rest_go_on(tmp_path: Path) -> None:
    records, _ = perform(tmp_path, lambda job, _: "ran out of memory" if job.name == "0" else [0.5])
    assert [found["state"] for found in records] == ["failed", "finished", "finished"]
    assert records[0]["reason"] == "ran out of memory"
    assert records[0]["value"] is None


def test_a_trial_that_fails_is_tried_again_if_asked(tmp_path: Path) -> None:
    def play(job: Job, attempt: int) -> list[float] | str:
        return "was killed" if job.name == "2" or (job.name == "1" and attempt < 3) else [0.5]

    records, theatre = perform(tmp_path, play, num_retries=2)
    assert [found["state"] for found in records] == ["finished", "finished", "failed"]
    assert theatre.starts.count("1") == theatre.starts.count("2") == 3
    assert records[2]["reason"] == "was killed (tried 3 times)"
    assert [found["seconds"] for found in records[:2]] == [7.0, 7.0]  # no more than the attempt that counts


def test_values_that_are_no_numbers_fail_the_trial(tmp_path: Path) -> None:
    records, _ = perform(tmp_path, lambda job, _: [float("nan")] if job.name == "0" else [float("nan"), 0.5])
    assert [found["state"] for found in records] == ["failed", "finished", "finished"]
    assert "number" in records[0]["reason"]
    assert records[1]["value"] == 0.5


def test_the_pruner_ends_what_falls_behind(tmp_path: Path) -> None:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=0)

    def play(job: Job, _: int) -> list[float]:
        return [0.5, 0.6, 0.7, 0.8] if job.name == "0" else [0.2, 0.3, 0.4, 0.5]

    records, theatre = perform(tmp_path, play, num_workers=1, pruner=pruner)
    assert [found["state"] for found in records] == ["finished", "pruned", "pruned"]
    assert records[1]["value"] == 0.2
    assert records[1]["steps"] == 10
    assert "MedianPruner" in records[1]["reason"]
    assert theatre.jobs == {}


def test_every_point_has_all_its_seeds_unless_it_is_hopeless(tmp_path: Path) -> None:
    level = {"0": 0.9, "1": 0.2, "2": 0.905}

    def play(job: Job, _: int) -> list[float]:
        number, _, seed = job.name.partition("/seed-")
        return [level[number] + 0.01 * int(seed)]

    records, theatre = perform(tmp_path, play, num_seeds=3, num_workers=1)
    assert theatre.starts == ["0/seed-0", "0/seed-1", "0/seed-2", "1/seed-0", "2/seed-0", "2/seed-1", "2/seed-2"]
    assert [found["state"] for found in records] == ["finished", "pruned", "finished"]
    assert records[0]["value"] == pytest.approx(0.91)
    assert records[0]["deviation"] == pytest.approx(0.01)
    assert records[0]["values"] == pytest.approx([0.9, 0.91, 0.92])
    assert records[1]["reason"] == "hopeless after 1 of 3 seeds"
    assert records[2]["runs"] == ["2/seed-0", "2/seed-1", "2/seed-2"]
    assert [found["seconds"] for found in records] == [21.0, 7.0, 21.0]


def test_a_failing_seed_ends_its_whole_trial(tmp_path: Path) -> None:
    records, theatre = perform(
        tmp_path, lambda job, _: "broke" if job.name == "0/seed-1" else [0.5], num_seeds=4, num_trials=1, num_workers=3
    )
    assert records[0]["state"] == "failed"
    assert theatre.jobs == {}


def test_a_stopped_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    asked = iter([False, False, True, True, True, True, True])
    records, theatre = perform(tmp_path, lambda *_: [0.5], num_workers=1, stop_asked=lambda: next(asked))
    states = [found["state"] for found in records]
    assert "waiting" in states
    assert "running" not in states
    num_started = len(theatre.starts)
    records, theatre = perform(tmp_path, lambda *_: [0.5])
    assert [found["state"] for found in records] == ["finished"] * 3
    assert len(theatre.starts) <= 3 - states.count("finished")
    assert num_started + len(theatre.starts) <= 4


def test_what_had_finished_when_the_sweep_died_is_not_run_again(tmp_path: Path) -> None:
    leave(tmp_path / "0", [0.3, 0.7])
    leave(tmp_path / "1", [0.9], status="running")
    records, theatre = perform(tmp_path, lambda *_: [0.5])
    assert theatre.starts == ["1", "2"]
    assert records[0]["value"] == 0.7


def test_a_sweep_can_be_made_longer(tmp_path: Path) -> None:
    first, _ = perform(tmp_path, lambda *_: [0.5], num_trials=1, space="a=range(0,50)")
    second, theatre = perform(tmp_path, lambda *_: [0.5], num_trials=4, space="a=range(0,50)")
    assert theatre.starts == ["1", "2", "3"]
    assert second[0] == first[0]
    assert len({found["params"]["a"] for found in second}) == 4


def test_the_second_objective_is_that_of_the_best_epoch_or_of_the_run(tmp_path: Path) -> None:
    rows = "epoch,step,val/accuracy,val/loss\n0,1,0.5,1.0\n1,2,0.9,3.0\n2,3,0.7,0.1\n"
    (tmp_path / "metrics.csv").write_text(rows)
    (tmp_path / "summary.json").write_text(json.dumps({"num_parameters": 12}))
    goals = [GOAL, Goal("val/loss", "min"), Goal("num_parameters", "min")]
    assert outcome(tmp_path, goals) == [0.9, 3.0, 12.0]
    assert outcome(tmp_path, [GOAL, Goal("val/nothing", "min")]) is None


@pytest.mark.parametrize(
    ("values", "expected"), [([0.5], True), ([0.9], False), ([0.88], False), ([0.99], False), ([], False)]
)
def test_hopeless_is_what_chance_between_seeds_does_not_explain(values: list[float], expected: bool) -> None:
    finished = [[0.90, 0.92, 0.91], [0.80, 0.82, 0.78]]
    assert is_hopeless(GOAL, values, finished) is expected
    losses = [[1 - value for value in seeds] for seeds in finished]
    assert is_hopeless(Goal("val/loss", "min"), [1 - value for value in values], losses) is expected
