"""`iolaus compare SWEEP` or `iolaus compare RUN RUN …`: a leaderboard, report.html and the table as CSV."""

from pathlib import Path

from iolaus import durable
from iolaus.compare.collect import collect
from iolaus.compare.page import report
from iolaus.compare.table import to_csv
from iolaus.compare.terminal import leaderboard
from iolaus.compare.trials import Objective


def compare(paths: list[Path], output: Path | None, objectives: tuple[Objective, ...] = ()) -> tuple[str, Path]:
    """The leaderboard as text, and where report.html and leaderboard.csv were written: in `output`, in the one folder
    that was named, or in the current one.

    Raises:
        ValueError: in one sentence, for what cannot be compared.
    """
    comparison = collect(paths, objectives)
    folder = output or comparison.source or Path()
    write_whole(folder, {"leaderboard.csv": to_csv(comparison), "report.html": report(comparison)})
    return leaderboard(comparison), folder / "report.html"


def write_whole(folder: Path, files: dict[str, str]) -> None:
    """Each file is afterwards either whole or as it was."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            durable.write_text(folder / name, text)
    except OSError as error:
        raise ValueError(
            f"{folder} cannot be written to ({error.strerror}): name another folder by --output."
        ) from error
