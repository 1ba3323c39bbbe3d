"""The study: which trials there are, who works on them, what they proposed and what came of it.

Everything is in the storage at once, so a process may die at any moment and another goes on. A trial's number says its
folder. All trials wait from the start; whoever has a free worker claims one, which only one can succeed in.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from iolaus.sweep import owners
from iolaus.sweep.grid import index_of, is_drawn
from iolaus.sweep.objective import Goal
from iolaus.sweep.space import Dimension, Space, Value

_OWNER = "owner"  # user attribute `owner/<how often it was claimed>/<who>`
_TIME_TO_SIGN = timedelta(seconds=20)  # from setting a trial running to saying who did
_TIME_FOR_OTHERS = 1.0  # seconds
_ALIVE = "alive"  # attribute of the study `alive/<who>`


@dataclass(frozen=True)
class Claim:
    """A trial that is ours to run."""

    number: int
    params: dict[str, Value]
    trial: optuna.trial.Trial


class SweepStudy:
    """sampler: makes the sampler that proposes a trial's point, from a seed that follows from the trial's number: a
    resumed study does not draw again what it has drawn. None: the grid's points in turn.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        space: Space,
        goals: list[Goal],
        *,
        num_trials: int,
        sampler: Callable[[int], BaseSampler] | None = None,
        pruner: BasePruner | None = None,
    ) -> None:
        self.storage, self.space, self.goals, self.num_trials = storage, space, goals, num_trials
        self.pruner, self._sampler = pruner, sampler
        self.study = optuna.create_study(
            study_name=name,
            storage=storage,
            directions=["maximize" if goal.mode == "max" else "minimize" for goal in goals],
            sampler=optuna.samplers.RandomSampler(),
            pruner=pruner or optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
        self._id = storage.get_study_id_from_name(name)
        self._sign_of_life = owners.SignOfLife()
        self._settle()

    def trials(self) -> list[FrozenTrial]:
        return self.storage.get_all_trials(self._id, deepcopy=False)[: self.num_trials]

    def say_alive(self) -> None:
        if self._sign_of_life.is_due():
            self.study.set_user_attr(f"{_ALIVE}/{owners.ME}", time.time())

    def claim(self) -> Claim | None:
        """A trial that nobody works on, if there is one left."""
        for trial in self.trials():
            if trial.state is TrialState.WAITING:
                is_free = self.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            else:
                is_free = trial.state is TrialState.RUNNING and self._is_abandoned(trial)
            if is_free and self._take(trial):
                return self._open(trial)
        return None

    def release(self, claim: Claim) -> None:
        """Gives a trial back that was not run to its end."""
        self.storage.set_trial_state_values(self._trial_id(claim), TrialState.WAITING)

    def report(self, claim: Claim, epoch: int, value: float) -> None:
        """Adds a value to the trial's curve; one that is known already, after a resume, changes nothing."""
        if len(self.goals) == 1 and epoch not in self.storage.get_trial(self._trial_id(claim)).intermediate_values:
            claim.trial.report(value, epoch)

    def should_prune(self, claim: Claim) -> bool:
        return self.pruner is not None and claim.trial.should_prune()

    def finish(
        self, claim: Claim, state: TrialState, result: dict[str, Any], values: list[float] | None = None
    ) -> None:
        """values: one for each goal, of a trial that ran to its end."""
        self.storage.set_trial_user_attr(self._trial_id(claim), "result", result)
        self.study.tell(claim.trial, values, state)

    def _settle(self) -> None:
        """Makes the study what this sweep needs, or finds that it is another's.

        Raises:
            ValueError: if a study of this name looks for something else, or elsewhere.
        """
        known, mine = self.study.user_attrs, self._nature()
        for key, value in mine.items():
            if key not in known:
                self.study.set_user_attr(key, value)
            elif known[key] != value and key != "order":
                raise ValueError(
                    f"the study {self.study.study_name} exists already, with another {key} ({_shown(known[key])}); "
                    "name another folder with sweep.dir=…"
                )
        self._is_drawn = self.study.user_attrs["order"] == "drawn"
        for _ in range(self.num_trials - len(self.storage.get_all_trials(self._id, deepcopy=False))):
            self.study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING))

    def _nature(self) -> dict[str, Any]:
        return {
            "space": self.space.describe(),
            "objective": {goal.metric: goal.mode for goal in self.goals},
            "order": "drawn" if is_drawn(self.space, self.num_trials, is_pruned=self.pruner is not None) else "typed",
        }

    def is_unsettled(self) -> bool:
        """Whether some trial was claimed by somebody who has not said who he is: alive and about to, or dead."""
        return any(trial.state is TrialState.RUNNING and self._owner(trial) is None for trial in self.trials())

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        owner = self._owner(trial)
        if owner is None:
            started = trial.datetime_start or datetime.min
            return datetime.now() - started > _TIME_TO_SIGN
        return not owners.is_alive(owner, self.study.user_attrs.get(f"{_ALIVE}/{owner}"))

    def _take(self, trial: FrozenTrial) -> bool:
        """Whether the trial is ours now. Only one can set a waiting trial running. But several may find the same one
        abandoned: each signs, waits until all have, and the earliest has it."""
        turn = _turn(trial) + 1
        self.storage.set_trial_user_attr(trial._trial_id, f"{_OWNER}/{turn}/{owners.ME}", time.time())
        if trial.state is TrialState.RUNNING:
            time.sleep(_TIME_FOR_OTHERS)
        return self._owner(self.storage.get_trial(trial._trial_id)) == owners.ME

    @staticmethod
    def _owner(trial: FrozenTrial) -> str | None:
        prefix = f"{_OWNER}/{_turn(trial)}/"
        signed = {key.removeprefix(prefix): at for key, at in trial.user_attrs.items() if key.startswith(prefix)}
        return min(signed, key=lambda name: (signed[name], name), default=None)

    def _open(self, frozen: FrozenTrial) -> Claim:
        """Has the sampler propose what the trial does not have yet: one that was stopped keeps its point."""
        if self._sampler is None:
            self._place_on_grid(frozen)
        else:
            self.study.sampler = self._sampler(frozen.number)
        trial = optuna.trial.Trial(self.study, frozen._trial_id)
        return Claim(frozen.number, {dim.name: _suggest(trial, dim) for dim in self.space.dimensions}, trial)

    def _place_on_grid(self, trial: FrozenTrial) -> None:
        point = self.space.point(index_of(trial.number, int(self.space.size), is_drawn=self._is_drawn))
        for dimension in self.space.dimensions:
            if dimension.name not in trial.params:
                internal = dimension.distribution.to_internal_repr(point[dimension.name])
                self.storage.set_trial_param(trial._trial_id, dimension.name, internal, dimension.distribution)

    def _trial_id(self, claim: Claim) -> int:
        return self.storage.get_trial_id_from_study_id_trial_number(self._id, claim.number)


def _turn(trial: FrozenTrial) -> int:
    """How often the trial has been claimed."""
    return max((int(key.split("/")[1]) for key in trial.user_attrs if key.startswith(f"{_OWNER}/")), default=0)


def _suggest(trial: optuna.trial.Trial, dimension: Dimension) -> Value:
    range_ = dimension.distribution
    if isinstance(range_, CategoricalDistribution):
        return trial.suggest_categorical(dimension.name, range_.choices)
    suggest = trial.suggest_int if isinstance(range_, IntDistribution) else trial.suggest_float
    return suggest(dimension.name, range_.low, range_.high, step=range_.step, log=range_.log)  # type: ignore[attr-defined]


def _shown(value: Any) -> str:
    return "; ".join(f"{key}: {text}" for key, text in value.items()) if isinstance(value, dict) else str(value)
