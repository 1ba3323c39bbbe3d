"""Divides the machine among workers: a GPU each where there are any, else a share of the cores, nobody another's."""

import os
from collections.abc import Sequence

from omegaconf import DictConfig

from iolaus.sweep.job import Share

_MOST = 8  # workers that nobody asked for: each holds a torch and its data in memory


def shares(asked: int | None, num_trials: int, config: DictConfig) -> list[Share]:
    """One for each worker.

    Args:
        asked: `sweep.workers`.
        config: of a trial: whether it takes a GPU, and how many.

    Raises:
        ValueError: if there are fewer cores or GPUs than workers.
    """
    cores = _cores()
    per_trial = gpus_of_a_trial(config)
    gpus = _gpus() if per_trial else []
    most = len(gpus) // per_trial if gpus else len(cores)
    if asked is not None and asked > max(most, 1):
        what = f"{len(gpus)} GPUs, of which a trial takes {per_trial}" if gpus else f"{len(cores)} cores"
        raise ValueError(f"sweep.workers={asked}: this machine has {what}; type sweep.workers={max(most, 1)} at most.")
    count = asked or max(1, min(most, num_trials, len(gpus) or _MOST))
    return [
        Share(
            num_threads=_num_threads(len(cores) // count),
            cores=tuple(_part(cores, number, count)),
            gpus=",".join(gpus[number * per_trial : (number + 1) * per_trial]) or None,
        )
        for number in range(count)
    ]


def gpus_of_a_trial(config: DictConfig) -> int:
    """As far as it takes any."""
    if config.trainer.accelerator not in ("auto", "gpu", "cuda"):
        return 0
    devices = config.trainer.devices
    return devices if isinstance(devices, int) and devices > 0 else 1


def _part(cores: Sequence[int], number: int, count: int) -> Sequence[int]:
    size = max(1, len(cores) // count)
    first = number * size % len(cores)
    return cores[first : first + size]


def _num_threads(share: int) -> int:
    """No more than the user allows."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(share, int(allowed)) if allowed.isdigit() else share)


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _gpus() -> list[str]:
    """The names that CUDA_VISIBLE_DEVICES would have."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    return visible.split(",")[:count] if visible else [str(number) for number in range(count)]
