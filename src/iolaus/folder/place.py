"""Where a run's folder is: two runs never share one, and outputs/latest leads to the newest."""

import itertools
import os
import shutil
import time
from pathlib import Path

from iolaus.folder import lock


def reserve(parent: Path, name: str | None = None) -> Path:
    """Makes a new folder under `parent`, named so or after the time; a number tells those of the same name apart."""
    parent.mkdir(parents=True, exist_ok=True)
    name = name or time.strftime("%Y-%m-%d-%H-%M-%S")
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder.resolve()
    raise AssertionError("there is always another number")


def claim(run_dir: str) -> Path:
    """Makes the folder that the user named, and holds it: of two that name the same, one gets it.

    Raises:
        ValueError: if something is in it already, or another process at work.
    """
    folder = Path(run_dir)
    taken = f"run_dir={run_dir} is not empty: type resume={run_dir} to go on there, or name another folder."
    if folder.is_file():
        raise ValueError(taken)
    folder.mkdir(parents=True, exist_ok=True)
    lock.hold(folder)
    if any(path.name != lock.NAME for path in folder.iterdir()):
        lock.release(folder)
        raise ValueError(taken)
    return folder.resolve()


def clear(folder: Path, *, keep: tuple[str, ...] = ()) -> None:
    """Empties the folder of a run that got nowhere, so that it may begin again."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in keep:
            path.unlink()


def point_latest_to(folder: Path) -> None:
    """outputs/latest leads to the newest run, by a link that is replaced whole."""
    outputs = Path("outputs")
    outputs.mkdir(exist_ok=True)
    fresh = outputs / f".latest-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(folder, outputs.resolve()))
    os.replace(fresh, outputs / "latest")
