"""What tells one split from another: a digest of its content, whatever files it came from."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

# A digest takes about a second a GiB. Of larger splits, which are mapped into memory, so many pieces are looked at.
_MAX_BYTES = 2**30
_PIECE = 2**20


def fingerprint(split: Any) -> str:
    """The same for the same samples in the same places, however often and wherever they are read."""
    digest = hashlib.sha256()
    for part in _parts(split):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[Any]:
    """Everything that an object holds, one after the other: tensors as bytes, the rest as text."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        value = torch.from_numpy(value)
    if isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)} {value.stride()} {value.storage_offset()}".encode()
        yield from _bytes_of(value)
    elif isinstance(value, dict):
        for key in sorted(value, key=repr):
            yield repr(key).encode()
            yield from _parts(value[key])
    elif isinstance(value, list | tuple):
        yield f"{len(value)}".encode()
        for child in value:
            yield from _parts(child)
    elif hasattr(value, "__dict__") and not callable(value):
        yield type(value).__qualname__.encode()
        yield from _parts(vars(value))
    elif isinstance(value, str | int | float | bool | None):
        yield repr(value).encode()


def _bytes_of(tensor: Tensor) -> Iterator[memoryview]:
    """Of the memory behind a tensor, which may be a view of it: all, or evenly spaced pieces."""
    memory = torch.empty(0, dtype=torch.uint8).set_(tensor.cpu().untyped_storage()).numpy().data
    num_pieces = -(-len(memory) // _PIECE)
    every = -(-len(memory) // _MAX_BYTES) or 1
    for number in range(0, num_pieces, every):
        yield memory[number * _PIECE : (number + 1) * _PIECE]
