"""Keeps what is slow to make in the user's cache folder, under a name that says what it was made from.

The folder may be deleted at any time. A file that is damaged counts as none: it is made and written again.
"""

import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]

_MAX_FILES = 16  # those used longest ago go first: a sweep over seeds must not fill the disk
_CHECKSUM_SIZE = hashlib.sha256().digest_size


def fingerprint(*made_from: Any) -> str:
    """A name for what these plain values (as JSON has them) lead to."""
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def cached(name: str | None, make: Callable[[], Arrays]) -> Arrays:
    """What was kept under this name; else it is made now, and kept. With None nothing is kept."""
    if name is None:
        return make()
    file = folder() / f"{name}.arrays"
    arrays = _load(file)
    if arrays is None:
        arrays = make()
        _save(file, arrays)
    return arrays


def folder() -> Path:
    import pooch  # knows where each system keeps caches

    return Path(pooch.os_cache("iolaus")) / "texts"


def _load(file: Path) -> Arrays | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None
    with suppress(OSError):  # a folder that must not be written to can be read all the same
        os.utime(file)
    checksum, arrays = content[:_CHECKSUM_SIZE], content[_CHECKSUM_SIZE:]
    if checksum != hashlib.sha256(arrays).digest():
        return None
    return dict(np.load(io.BytesIO(arrays), allow_pickle=False))


def _save(file: Path, arrays: Arrays) -> None:
    """In one step, so that neither a kill nor a second process leaves half a file."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(hashlib.sha256(stream.getbuffer()).digest() + stream.getbuffer())
        os.replace(unfinished, file)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        warnings.warn(
            f"{file.parent} cannot be written ({error.strerror}), so texts are encoded at every start.", stacklevel=2
        )
        return
    with suppress(OSError):  # another process may be removing the same ones
        _remove_oldest(file.parent)


def _remove_oldest(place: Path) -> None:
    by_age = sorted(place.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in by_age[_MAX_FILES:]:
        file.unlink()
