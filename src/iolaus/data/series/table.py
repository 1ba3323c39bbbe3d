"""A CSV file as a table of numbers: one row per date, one column per channel, checked down to the cell."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from iolaus.data.lines import refuse_endless_lines
from iolaus.data.series.dates import date_column, parse, spacing, without_holes

if TYPE_CHECKING:
    import pandas as pd

Gaps = Literal["refuse", "interpolate", "forward"]

_FILL = "type data.gaps=interpolate to fill such gaps along a line, or data.gaps=forward to repeat the last value"


@dataclass(frozen=True)
class Table:
    """Numbers by date and channel.

    values         (T, C) float64, all finite.
    channel_names  of the C columns.
    dates          of the T rows, in order and evenly spaced; None where the file has none.
    source         where they come from, for messages.
    """

    values: np.ndarray
    channel_names: tuple[str, ...]
    dates: "pd.DatetimeIndex | None"
    source: str

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class TableReader:
    """How a CSV file is to be read.

    date_column: which column holds the dates; None: the first one that parses as dates.
    date_format: how they are written, as in `strptime`; None: found by trying.
    columns: which columns become channels; None: all that hold numbers.
    gaps: what becomes of empty cells and missing rows: an error, a straight line between their neighbours, or the last
        value before them.
    separator, decimal: the characters between cells and before decimals.
    """

    date_column: str | None = None
    date_format: str | None = None
    columns: tuple[str, ...] | None = None
    gaps: Gaps = "refuse"
    separator: str = ","
    decimal: str = "."

    def read(self, path: str | Path) -> Table:
        """
        Raises:
            ValueError: for anything in the file that does not fit, with column and line.
        """
        path = Path(path)
        frame = self._frame(path)
        date_name = self._date_name(frame, path)
        numbers = self._numbers(frame, date_name, path)
        dates = None
        if date_name is not None:
            dates = self._dates(frame[date_name], path)
            numbers, dates = self._without_holes(numbers, dates, path)
        numbers = self._filled(numbers, path)
        return Table(numbers.to_numpy(dtype=np.float64), tuple(numbers.columns), dates, str(path))

    def _frame(self, path: Path) -> "pd.DataFrame":
        """The cells as they stand in the file. Rows are named by their lines: the header is line 1."""
        import pandas as pd

        self._check_file(path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # it would drop cells that have no header
                frame = pd.read_csv(
                    path,
                    sep=self.separator,
                    decimal=self.decimal,
                    index_col=False,
                    skip_blank_lines=False,
                    low_memory=False,
                    encoding="utf-8-sig",
                )
        except pd.errors.ParserWarning as error:
            raise ValueError(f"{path}: rows have more cells than the header line has names.") from error
        except ValueError as error:  # pandas' own errors and those of the encoding are ValueErrors
            raise ValueError(f"{path} cannot be read as a CSV file: {str(error).strip()}.") from error
        frame.index = pd.RangeIndex(2, len(frame) + 2)
        frame = frame.rename(columns=str).dropna(how="all")
        if frame.empty:
            raise ValueError(f"{path} has no rows below its header line.")
        return frame

    def _check_file(self, path: Path) -> None:
        if not path.is_file():
            problem = "is a folder" if path.is_dir() else "does not exist"
            raise ValueError(f"{path} {problem}: give a CSV file with a header line (data.root=FILE).")
        refuse_endless_lines(path)
        with path.open(encoding="utf-8", errors="replace") as file:
            header = file.readline()
        other = next((character for character in ",;\t|" if character in header), None)
        cells = header.strip().split(self.separator)
        measured = next((cell for cell in cells if _is_measured(cell, self.decimal)), None)
        if measured:
            raise ValueError(
                f"{path} begins with {measured} where the name of a column should be: write a header line above it, "
                "such as date,load."
            )
        if self.separator not in header and other:
            raise ValueError(f"{path} seems to separate its columns by {other!r}: type 'data.separator=\"{other}\"'.")

    def _date_name(self, frame: "pd.DataFrame", path: Path) -> str | None:
        if self.date_column is not None:
            _check_columns((self.date_column,), frame, path, option="data.date_column")
            return self.date_column
        found = date_column(frame)
        if found is None:
            warnings.warn(
                f"No column of {path} parses as dates, so its rows are taken to be in order and evenly spaced: "
                "if one holds dates, name it with data.date_column and how they are written with data.date_format.",
                stacklevel=2,
            )
        return found

    def _dates(self, column: "pd.Series", path: Path) -> "pd.DatetimeIndex":
        dates = parse(column, self.date_format)
        if dates.isna().any():
            line = column.index[dates.isna()][0]
            raise ValueError(
                f"{path}, line {line}: {_cell(column, line)} in column '{column.name}' is no date: correct it, "
                "or say how dates are written, as in data.date_format='%d.%m.%Y'."
            )
        for row in np.flatnonzero(dates[1:] <= dates[:-1])[:1]:
            line, repeats = column.index[row + 1], dates[row + 1] == dates[row]
            problem = "repeats the date of the row before" if repeats else "comes before the date of the row above it"
            remedy = "keep one row for each date" if repeats else f"sort the file by '{column.name}'"
            raise ValueError(f"{path}, line {line}: {_cell(column, line)} {problem}: {remedy}.")
        return dates

    def _without_holes(
        self, numbers: "pd.DataFrame", dates: "pd.DatetimeIndex", path: Path
    ) -> "tuple[pd.DataFrame, pd.DatetimeIndex]":
        """The table with an empty row for every date that is missing. Only then do its windows mean the same."""
        if len(dates) < 3 or spacing(dates) is not None:
            return numbers, dates
        even = without_holes(dates)
        if even is None:
            raise ValueError(
                f"{path}: the dates are not evenly spaced (from {dates[0]} on line {numbers.index[0]} to {dates[-1]} "
                f"on line {numbers.index[-1]}): give one row for every hour, day, week, …"
            )
        if self.gaps == "refuse":
            missing = even.difference(dates)
            raise ValueError(
                f"{path}: rows are missing between evenly spaced dates ({len(missing)}, the first at {missing[0]}): "
                f"add them, or {_FILL}."
            )
        return numbers.set_axis(dates).reindex(even), even

    def _numbers(self, frame: "pd.DataFrame", date_name: str | None, path: Path) -> "pd.DataFrame":
        """The columns that become channels, as numbers; NaN where a cell is empty."""
        import pandas as pd

        candidates = frame.drop(columns=[date_name] if date_name else [])
        if self.columns is not None:
            _check_columns(self.columns, candidates, path, option="data.columns")
        chosen = candidates[list(self.columns)] if self.columns else _mostly_numbers(candidates, path)
        numbers = chosen.apply(lambda column: pd.to_numeric(column, errors="coerce")).astype(np.float64)
        wrong = (numbers.isna() & chosen.notna()) | np.isinf(numbers)
        for line, name in _first(wrong):
            hint = " (for decimal commas type data.decimal=',')" if "," in str(chosen.loc[line, name]) else ""
            raise ValueError(
                f"{path}, line {line}: column '{name}' says {_cell(chosen[name], line)} where a finite number should "
                f"be: correct it{hint}, or choose other columns with data.columns."
            )
        return numbers

    def _filled(self, numbers: "pd.DataFrame", path: Path) -> "pd.DataFrame":
        if self.gaps == "interpolate":
            numbers = numbers.interpolate(limit_direction="both")
        elif self.gaps == "forward":
            numbers = numbers.ffill()
        for line, name in _first(numbers.isna()):
            if numbers[name].isna().all():
                raise ValueError(f"{path}: column '{name}' holds no number: choose others with data.columns.")
            if self.gaps == "forward":
                raise ValueError(
                    f"{path}: column '{name}' starts with an empty cell, which has no value before it to repeat: "
                    "fill it in, or type data.gaps=interpolate."
                )
            raise ValueError(f"{path}, line {line}: column '{name}' is empty (NaN): fill it in, or {_FILL}.")
        return numbers


def _mostly_numbers(frame: "pd.DataFrame", path: Path) -> "pd.DataFrame":
    """The columns most of whose filled cells are numbers: a slip of the pen in one must not drop the column unseen."""
    import pandas as pd

    shares = frame.apply(lambda column: pd.to_numeric(column.dropna(), errors="coerce").notna().mean())
    names = [name for name in frame if shares[name] > 0.5 and frame[name].dtype.kind != "b"]
    others = [f"'{name}'" for name in frame if name not in names]
    if not names:
        raise ValueError(f"{path} has no column of numbers besides dates: each channel is one column.")
    if others:
        warnings.warn(f"Left out of {path}, because they hold no numbers: columns {', '.join(others)}.", stacklevel=2)
    return frame[names]


def _check_columns(names: tuple[str, ...], frame: "pd.DataFrame", path: Path, *, option: str) -> None:
    missing = [f"'{name}'" for name in names if name not in frame]
    if missing:
        there = ", ".join(f"'{name}'" for name in frame)
        raise ValueError(f"{option} asks for {', '.join(missing)}, which {path} does not have: it has {there}.")


def _first(mask: "pd.DataFrame") -> list[tuple[int, str]]:
    """Line and column of the first cell that is marked, in a list of one; or none."""
    return [(mask.index[row], mask.columns[column]) for row, column in np.argwhere(mask.to_numpy())[:1]]


def _is_measured(cell: str, decimal: str) -> bool:
    """A number with decimals: columns may be called by years, and by nothing like 5.83."""
    try:
        float(cell.replace(decimal, "."))
    except ValueError:
        return False
    return decimal in cell


def _cell(column: "pd.Series", line: int) -> str:
    return "an empty cell" if column.isna()[line] else repr(str(column[line]))
