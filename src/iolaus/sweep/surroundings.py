"""Whether what a sweep needs outside of itself is there: a folder, a database, a cluster. Nothing of it takes torch."""

from pathlib import Path

from iolaus.sweep.engines.ray import refuse_silence
from iolaus.sweep.options import Options


def refuse_unready(options: Options) -> None:
    """Raises ValueError for the first that is not; options of a wrong type are for others to find."""
    if isinstance(options.dir, str) and not options.resume:
        _refuse_used(options.dir)
    if isinstance(options.storage, str) and "://" not in options.storage:  # a journal, which the sweep itself begins
        if not Path(options.storage).parent.is_dir():
            raise ValueError(f"sweep.storage={options.storage} cannot be reached: its folder does not exist.")
    elif isinstance(options.storage, str):
        from iolaus.sweep.storage import close_storage, open_storage  # imports what speaks to databases

        close_storage(open_storage(options.storage, Path()))
    if options.engine == "ray" and isinstance(options.address, str):
        refuse_silence(options.address)


def _refuse_used(folder: str) -> None:
    if (Path(folder) / "sweep.yaml").exists():
        raise ValueError(f"sweep.dir={folder} has a sweep in it: type sweep.resume={folder} to go on with it.")
    if Path(folder).is_file() or (Path(folder).is_dir() and any(Path(folder).iterdir())):
        raise ValueError(f"sweep.dir={folder} is not empty: name another folder.")
