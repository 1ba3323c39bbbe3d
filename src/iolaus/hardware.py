"""The machine a run is on: what it has, how much of it is ours, and which number formats it computes fastest."""

import math
import os
import platform
import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

_CONTROL_GROUPS = Path("/sys/fs/cgroup")


class Precision(NamedTuple):
    """A precision by the name that Lightning's Trainer gives it, and the reason for it, to be logged."""

    name: str
    why: str


def hardware() -> dict[str, Any]:
    """The machine in plain values, for `summary.json`. Memory in GB (2^30 bytes)."""
    return {
        "cpu": _cpu_model(),
        "cores": num_cores(),
        "memory_gb": round(memory_bytes() / 2**30, 1),
        "accelerators": _accelerators(),
    }


def num_cores() -> int:
    """The cores that this process may use, by its affinity and by its container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return math.ceil(min(cores, _cpu_quota()))


def best_precision(model: nn.Module, accelerator: str) -> Precision:
    """bfloat16 where this machine computes it faster for this kind of model.

    accelerator: as Lightning's Trainer takes it: cpu, cuda, mps, or auto or gpu for what there is.
    """
    device = _device_type(accelerator)
    if device == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bf16-mixed", "this GPU multiplies bfloat16 several times faster than float32.")
        return Precision("32-true", "this GPU has no bfloat16.")
    if device != "cpu":
        return Precision("32-true", f"bfloat16 has not been measured on {device}.")
    if not _cpu_has_bfloat16():
        return Precision("32-true", "this CPU has no instructions for bfloat16.")
    # Measured with AVX512: convolutions 1.1-2.3 × as fast, small MLPs and encoders slower.
    if not any(isinstance(module, _ConvNd) for module in model.modules()):
        return Precision("32-true", "on CPUs bfloat16 pays for convolutions only, and this model has none.")
    return Precision("bf16-mixed", "this CPU computes convolutions faster in bfloat16.")


def memory_format(model: nn.Module) -> torch.memory_format:
    """Channels last where there are two-dimensional convolutions, which read memory in that order."""
    has_maps = any(isinstance(module, nn.Conv2d) for module in model.modules())
    return torch.channels_last if has_maps else torch.contiguous_format


def peak_memory_mb() -> float:
    """The most memory held at once, in MB (2^20 bytes): the GPU's if this process has used one, else the process's."""
    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() / 2**20
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # macOS counts bytes, Linux kB


def _device_type(accelerator: str) -> str:
    if accelerator not in ("auto", "gpu"):
        return accelerator
    device = torch.accelerator.current_accelerator(check_available=True)
    return "cpu" if device is None else device.type


def _cpu_has_bfloat16() -> bool:
    """Whether it multiplies bfloat16 itself: in tiles (AMX) or in vectors (AVX512)."""
    # Private names, which a torch to come may lack.
    checks = (getattr(torch.cpu, name, bool) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return any(check() for check in checks)


def _accelerators() -> list[str]:
    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ["Apple MPS"] if torch.backends.mps.is_available() else []


def _cpu_model() -> str:
    lines = _read(Path("/proc/cpuinfo")).splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def memory_bytes() -> int:
    """The machine's, or the container's limit where that is less."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _read(_CONTROL_GROUPS / "memory.max") or _read(_CONTROL_GROUPS / "memory" / "memory.limit_in_bytes")
    return min(physical, int(limit)) if limit.isdigit() else physical


def _cpu_quota() -> float:
    """The cores' worth of time that the container has; infinite where nothing says otherwise."""
    words = _read(_CONTROL_GROUPS / "cpu.max").split()
    if not words:  # version 1 of control groups
        words = [_read(_CONTROL_GROUPS / "cpu" / f"cpu.cfs_{kind}_us") for kind in ("quota", "period")]
    quota, period = words
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else math.inf


def _read(path: Path) -> str:
    """The file's text; empty where there is no such file."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
