"""Files that a crash leaves whole: each is either what it was before or what it was to become."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO


def write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Puts what `fill` writes in the place of the file, once all of it has reached the disk.

    The new name has reached it after `sync`.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)  # of a full disk, it may have taken the last space
        raise


def write_text(path: Path, text: str) -> None:
    """The same for a text."""
    write(path, lambda file: file.write(text.encode()))


def sync(folder: Path) -> None:
    """Returns when the folder's names, new ones and renamed ones, have reached the disk."""
    if os.name == "nt":  # where folders cannot be opened, and renaming is written through
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
