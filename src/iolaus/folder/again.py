"""How a command that starts a run again is read: `resume=RUN`, `run_dir=RUN resume=auto` and `resume.force=true`.

`resume=auto` is for a command that is typed once and started many times, as by a batch scheduler: it starts the run
where there is none, goes on where there is one, and does nothing when it is finished.
"""

from pathlib import Path

from iolaus.folder import lock
from iolaus.folder.plain_yaml import read_yaml

# What a run leaves that was killed before it had written its config.
_FIRST_FILES = {
    *("run.log", "summary.json", "summary.json.partial"),
    *("overrides.yaml", "overrides.yaml.partial", "config.yaml.partial", lock.NAME),
}


def spell_out(overrides: list[str]) -> list[str]:
    """`resume=RUN` stands for `resume.run=RUN`, because `resume` has a second option."""
    return [f"resume.run={text.removeprefix('resume=')}" if text.startswith("resume=") else text for text in overrides]


def run_of(overrides: list[str]) -> str | None:
    """The run that these overrides, spelled out, go on with."""
    return _value("resume.run", overrides)


def settle_auto(overrides: list[str]) -> list[str]:
    """With resume=auto, the overrides without it where there is nothing to go on with, and else with the run's folder,
    which is held from here on.

    Raises:
        ValueError: if no folder is named, or another process is at work there.
    """
    if run_of(overrides) != "auto":
        return overrides
    folder = _value("run_dir", overrides)
    if folder is None:
        raise ValueError("resume=auto: type run_dir=FOLDER too, which says where the run is, or is to be.")
    others = [text for text in overrides if not text.startswith("resume.run=")]
    if Path(folder).is_dir():
        lock.hold(Path(folder))
    if (Path(folder) / "config.yaml").is_file():
        return [*others, f"resume.run={folder}"]
    _clear(Path(folder))
    return others


def found_batch_size(run: Path) -> int | None:
    """What trainer.batch_size=auto has come to in this run; None where it has found nothing yet."""
    config = read_yaml(run / "config.yaml")
    try:
        size, asked = config["data"]["batch_size"], config["trainer"]["batch_size"]
    except (KeyError, TypeError):
        return None
    return size if isinstance(size, int) and asked is None else None


def _clear(folder: Path) -> None:
    """Takes away what a start left that came to nothing; anything else, which may be the user's, stays."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names <= _FIRST_FILES:
        for name in names - {lock.NAME}:
            (folder / name).unlink()


def _value(key: str, overrides: list[str]) -> str | None:
    values = [text.removeprefix(f"{key}=") for text in overrides if text.startswith(f"{key}=")]
    return values[-1] if values and values[-1] != "null" else None
