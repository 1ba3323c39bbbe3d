"""What can be said of a sweep: the options of `sweep.…`, as conf/sweep/*.yaml lists them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from iolaus.ranges import Count, Positive, Whole


@dataclass(frozen=True, kw_only=True)
class Options:
    """One sweep.

    params: overrides of every trial, by key; values in Hydra's grammar, as on the command line, which wins.
    sampler: proposes points (an Optuna sampler); None: every point of the grid, or TPE where there are ranges.
    pruner: stops trials that fall behind (an Optuna pruner).
    objective: a validation metric, or something of summary.json that costs; `:min` or `:max` says which way is better.
        None: the task's own. Several in a list.
    trials: how many in all, those before a resume included; None: the whole grid, else 20.
    workers: trials at a time; None: one per GPU, else one per core, at most 8.
    seeds: runs of every point, of which mean and deviation count.
    timeout: seconds that one run may take.
    retries: how often a run that fails, hangs or is killed is started again, from its last checkpoint if it has one.
    dir: where the sweep lives; None: a new folder under outputs/sweeps.
    resume: the folder of a sweep to go on with.
    storage: where the study is kept: postgresql://USER:PASSWORD@HOST/NAME, mysql://…, sqlite:///FILE, or a journal
        file; None: journal.log in the sweep's folder.
    address: of the Ray cluster (HOST:PORT, ray://HOST:PORT, auto); None: one of this machine alone. For engine=slurm,
        `local` tries it without SLURM.
    cores: of each trial on a cluster.
    slurm: more for submitit: slurm_partition, gpus_per_node, timeout_min, …
    """

    params: dict[str, Any] = field(default_factory=dict)
    sampler: Any = None
    pruner: Any = None
    objective: str | list[str] | None = None
    trials: Count | None = None
    workers: Count | None = None
    seeds: Count = 1
    timeout: Positive | None = None
    retries: Whole = 0
    engine: Literal["local", "ray", "slurm"] = "local"
    address: str | None = None
    cores: Count = 1
    slurm: dict[str, Any] = field(default_factory=dict)
    dir: str | None = None
    resume: str | None = None
    storage: str | None = None
    dry_run: bool = False
