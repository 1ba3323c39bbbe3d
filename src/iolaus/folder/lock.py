"""Keeps a second process out of a run: who works in a folder holds the kernel's lock on a file there.

The kernel gives the lock back when the last process that holds it ends, however it ends; the processes that a run
starts inherit it. So it never has to be broken, and is never broken too early.
"""

import atexit
import os
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

NAME = ".lock"
# A link there may be a stranger's, and lead anywhere.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
# A process that was killed may take a moment to be gone.
_PATIENCE_SECONDS, _POLL_SECONDS = 2.0, 0.05

_held: dict[Path, int] = {}  # the file descriptors, by folder
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_held.clear)  # a child's end is not the run's


def hold(folder: Path) -> None:
    """From here on nobody but this process works in the folder, which exists. Once held, it may be asked for again.

    Raises:
        ValueError: if another process is at work there; it is named.
    """
    folder = folder.resolve()
    if folder in _held:
        return
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (file := _try(folder)) is None:
        if time.monotonic() > deadline:
            raise ValueError(_refusal(folder))
        time.sleep(_POLL_SECONDS)
    _held[folder] = file


def release(folder: Path) -> None:
    """Lets others work there, unless processes that inherited the lock still do."""
    file = _held.pop(folder.resolve(), None)
    if file is not None:
        (folder / NAME).unlink(missing_ok=True)  # while it is held: whoever waits for it finds that out
        os.close(file)


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Holds the folder for as long as this lasts. Gives the descriptor that other processes may inherit."""
    hold(folder)
    try:
        yield _held[folder.resolve()]
    finally:
        release(folder)


@atexit.register
def _release_all() -> None:
    for folder in list(_held):
        release(folder)


def _try(folder: Path) -> int | None:
    """The descriptor of the file, locked; None if somebody else has it."""
    try:
        file = os.open(folder / NAME, _FLAGS, 0o644)
    except OSError as error:
        raise ValueError(f"{folder / NAME} cannot be written ({error.strerror}), so nothing can run there.") from error
    try:
        is_locked = lock_descriptor(file, blocking=False)
    except OSError as error:  # some network file systems have no locks
        reason = f"{folder} is on a file system without locks ({error.strerror})"
        warnings.warn(f"{reason}: see to it yourself that only one process works there.", stacklevel=4)
        return file
    if not is_locked or os.fstat(file).st_nlink != 1:  # or its holder has just taken it away
        os.close(file)
        return None
    os.truncate(file, 0)
    os.write(file, f"{os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode())
    return file


def _refusal(folder: Path) -> str:
    try:
        holder = (folder / NAME).read_text()
    except OSError:
        holder = ""
    return (
        f"process {holder or 'unknown'} is at work in {folder}: wait until it has ended, or stop it "
        f"(kill {holder.split()[0] if holder else 'PID'})."
    )
