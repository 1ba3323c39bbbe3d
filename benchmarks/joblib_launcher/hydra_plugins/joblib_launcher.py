"""What Hydra's joblib launcher does: hydra/launcher=joblib, for benchmarks/sweep.py, which puts it on the path.

(The package hydra-joblib-launcher is not among what the project installs. Its work is this: Hydra's basic launcher, a
job at a time, in the processes that joblib keeps.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_store import ConfigStore
from hydra.core.singleton import Singleton


class JoblibLauncher(BasicLauncher):
    """n_jobs: processes."""

    def __init__(self, n_jobs: int) -> None:
        super().__init__()
        self.n_jobs = n_jobs

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
        from joblib import Parallel, delayed  # Hydra imports this file at every start

        state = Singleton.get_state()
        jobs = (delayed(_launch)(self, state, each, initial_job_idx + at) for at, each in enumerate(job_overrides))
        return Parallel(n_jobs=self.n_jobs, backend="loky")(jobs)


def _launch(launcher: JoblibLauncher, state: Any, overrides: Sequence[str], number: int) -> Any:
    Singleton.set_state(state)
    (run,) = BasicLauncher.launch(launcher, [overrides], number)
    return run


@dataclass
class _Config:
    _target_: str = "hydra_plugins.joblib_launcher.JoblibLauncher"
    n_jobs: int = 2


ConfigStore.instance().store(group="hydra/launcher", name="joblib", node=_Config, provider="benchmarks")
