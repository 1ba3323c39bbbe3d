"""A user's pictures, decoded once: in memory, or, where they are many, in a file that is mapped into it."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from iolaus.data.images.decoding import decode_all

_IN_MEMORY = 2**28  # bytes; more than this goes into a file
_FOLDER = ".iolaus"  # inside the user's folder; being hidden, it is no class
_VERSION = "1"  # of the decoding: another one makes other pixels


def load_pictures(root: Path, files: Sequence[Path], *, channels: int, size: int) -> Tensor:
    """The pictures (N, channels, size, size) in uint8; from an earlier run's file if none has changed since."""
    shape = (len(files), channels, size, size)
    if np.prod(shape) <= _IN_MEMORY:
        return _in_memory(files, shape)
    cache = root / _FOLDER / f"{channels}x{size}x{size}-{_fingerprint(root, files)}.npy"
    cached = _read(cache, shape)
    if cached is None:
        try:
            _write(files, shape, cache)
        except OSError as error:
            warnings.warn(
                f"{cache.parent} cannot be written ({error.strerror}), so all {len(files)} pictures are decoded anew "
                f"by each run and held in memory.",
                stacklevel=2,
            )
            return _in_memory(files, shape)
        cached = _read(cache, shape)
        assert cached is not None
    return torch.from_numpy(cached)


def _read(cache: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """None if there is no such file, or it is not what `_write` makes: it may have come with the pictures."""
    try:
        # Copy on write, because torch warns of memory that must not be written to.
        values = np.load(cache, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return values if values.shape == shape and values.dtype == np.uint8 else None


def _decoded(files: Sequence[Path], shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    _, channels, height, width = shape
    return decode_all(files, channels=channels, height=height, width=width)


def _in_memory(files: Sequence[Path], shape: tuple[int, ...]) -> Tensor:
    values = np.empty(shape, dtype=np.uint8)
    for number, picture in enumerate(_decoded(files, shape)):
        values[number] = picture
    return torch.from_numpy(values)


def _write(files: Sequence[Path], shape: tuple[int, ...], cache: Path) -> None:
    """Writes the cache, whole or not at all. One of several processes does so, and the others wait."""
    cache.parent.mkdir(exist_ok=True)
    partial = cache.with_suffix(".partial")
    with FileLock(cache.parent / "lock"):
        if _read(cache, shape) is not None:
            return
        try:
            with partial.open("wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                # Written, not mapped: on a full disk that is an error, where a mapped page would end the process.
                for picture in _decoded(files, shape):
                    file.write(picture.tobytes())
            os.replace(partial, cache)
        finally:
            partial.unlink(missing_ok=True)
        _remove_outdated(cache)


def _remove_outdated(cache: Path) -> None:
    """The files of this folder's earlier states at the same size, and what a killed process left."""
    size, _ = cache.name.split("-")
    for other in set(cache.parent.glob(f"{size}-*")) - {cache}:
        with suppress(OSError):
            other.unlink()


def _fingerprint(root: Path, files: Sequence[Path]) -> str:
    """Changes with the name, the length or the time of any file."""
    digest = sha256(_VERSION.encode())
    for file in files:
        status = file.stat()
        digest.update(f"{file.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
