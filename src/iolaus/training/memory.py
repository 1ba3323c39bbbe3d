"""How much memory a training step takes: estimated before a run, and what to say where there was too little."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from iolaus.hardware import memory_bytes
from iolaus.process.failure import RunError

# Weights, their gradients, and the two averages that most optimizers keep.
_COPIES_OF_WEIGHTS = 4


# How allocators other than torch's own put it: the CPU's, CUDA's driver, a GPU's libraries.
_REFUSALS = ("can't allocate memory", "out of memory", "_ALLOC_FAILED")


class OutOfMemoryError(RunError):
    """Something needed more memory than there was."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a GPU, or the CPU's allocator, refused. (Linux grants more than it has, and kills later.)"""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(refusal in str(error) for refusal in _REFUSALS)


@contextmanager
def told(where: str, advice: str) -> Iterator[None]:
    """Says in one sentence that the memory did not suffice, where, and what to type instead."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(f"out of memory {where}: {advice}") from error


def advice_for_training(batch_size: int) -> str:
    if batch_size == 1:
        return "not even one sample fits, so choose a smaller model, or shorter or smaller samples."
    return (
        f"type data.batch_size={batch_size // 2} trainer.accumulate_grad_batches=2 for the same step in two halves, or "
        "trainer.batch_size=auto for the largest batch that fits."
    )


def step_bytes(model: nn.Module, sample: Tensor, batch_size: int) -> int | None:
    """About what one training step on so many samples like this one (1, …) holds at once, in bytes.

    The model runs on the meta device, which computes shapes only, and what it saves for the backward pass is counted.
    None for a model that cannot run so: what it does depends on values.
    """
    saved: dict[int, torch.UntypedStorage] = {}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage._cdata] = storage
        return tensor

    try:
        twin = copy.deepcopy(model).to("meta").train()
        vars(twin).pop("features", None)  # compiled, they would still be those of the model
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            twin(torch.empty(batch_size, *sample.shape[1:], dtype=sample.dtype, device="meta"))
    except Exception:  # whatever it is, a run on a real device will not meet it
        return None
    for parameter in twin.parameters():
        saved.pop(parameter.untyped_storage()._cdata, None)
    weights = sum(parameter.nbytes for parameter in twin.parameters())
    activations = sum(storage.nbytes() for storage in saved.values())
    # The largest gradient of an activation stands beside them all.
    largest = max((storage.nbytes() for storage in saved.values()), default=0)
    return _COPIES_OF_WEIGHTS * weights + activations + largest


def free_bytes() -> int:
    """What this process may still take: the machine's free memory, or what its container leaves it."""
    words = dict(line.split(":") for line in _lines(Path("/proc/meminfo")))
    free = int(words["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in words else memory_bytes()
    used = _lines(Path("/sys/fs/cgroup/memory.current"))
    return min(free, memory_bytes() - int(used[0])) if used else free


def shortage(model: nn.Module, sample: Tensor, batch_size: int) -> str | None:
    """A warning where the step may need more than there is; on a CPU, where the system would kill the run."""
    needed, free = step_bytes(model, sample, batch_size), free_bytes()
    if needed is None or needed <= free:
        return None
    size = max(1, int(batch_size * free / needed / 2))
    return (
        f"a step with data.batch_size={batch_size} may need about {needed / 2**30:.1f} GB, and {free / 2**30:.1f} GB "
        f"are free: where the system ends the run, type data.batch_size={size} or trainer.batch_size=auto."
    )


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
