"""Texts on disk: plain files of one text each, and tables (CSV, TSV) with a column of texts. All of them UTF-8."""

import math
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from iolaus.data.lines import refuse_endless_lines

_MAX_TEXT = 2**26  # bytes of a file that is one text
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def is_table(path: Path) -> bool:
    return path.suffix.lower() in _SEPARATORS


def list_texts(folder: Path) -> list[Path]:
    """The .txt files that lie directly in the folder, by name.

    Raises:
        ValueError: there is none.
    """
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith(".txt"))
    if not names:
        raise ValueError(f"{folder} holds no .txt files.")
    return [folder / name for name in names]


def read_text(file: Path) -> str:
    """
    Raises:
        ValueError: the file is not UTF-8, or says nothing.
    """
    text = _decoded(file).strip()
    if not text:
        raise ValueError(f"{file} is empty: delete it or write a text into it.")
    return text


def read_columns(file: Path, columns: dict[str, str]) -> list[list[str]]:
    """Columns of a table with a header, {option that names the column: its name}, without surrounding blanks.

    Raises:
        ValueError: the table cannot be read, lacks a column, or has an empty cell in one.
    """
    table = _table(file)
    if table.empty:
        raise ValueError(f"{file} holds no texts: there is nothing below its header.")
    return [_column(table, file, option, name) for option, name in columns.items()]


def read_numbers(file: Path, columns: dict[str, str]) -> list[float]:
    """The one column, {option that names it: its name}, as finite numbers.

    Raises:
        ValueError: as `read_columns`, or where a cell holds anything else.
    """
    [cells] = read_columns(file, columns)
    for row, cell in enumerate(cells, 1):
        if not is_number(cell):
            raise ValueError(
                f"Row {row} of {file} (below the header) says {cell!r} where a number should be: correct it."
            )
    return [float(cell) for cell in cells]


def is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def read_examples(path: Path, column: str) -> tuple[list[str], list[str]]:
    """Texts to predict, and a name for each: a .txt file is one text, a folder of them several, a table has a column.

    Raises:
        ValueError: there is nothing at `path`, or nothing that can be read.
    """
    if not path.exists():
        raise ValueError(f"There is no {path}.")
    if is_table(path):
        [texts] = read_columns(path, {"data.text_column": column})
        return texts, [f"{path.name} row {row}" for row in range(1, len(texts) + 1)]
    files = list_texts(path) if path.is_dir() else [path]
    return [read_text(file) for file in files], [file.name for file in files]


def stamp(files: Iterable[Path]) -> list[Any]:
    """Changes when a file does: names, sizes, and when each was written and moved here."""
    states = ((str(file), os.stat(file)) for file in files)
    return [(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states]


def _table(file: Path) -> Any:
    """All cells, as they are written."""
    import pandas as pd  # here, because most texts come from elsewhere

    refuse_endless_lines(file)
    separator = _SEPARATORS[file.suffix.lower()]
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):  # of cells that it drops
            return pd.read_csv(
                file, sep=separator, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig"
            )
    except UnicodeDecodeError as error:
        raise _not_utf8(file, error) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            f"{file} is no table with equally many cells in each row ({reason}): "
            f"put texts that hold {separator!r} into double quotes."
        ) from error


def _column(table: Any, file: Path, option: str, name: str) -> list[str]:
    if name not in table.columns:
        _refuse_other_separator(table, file)
        has = ", ".join(map(str, table.columns))
        raise ValueError(f"{file} has no column {name!r}: it has {has}; type {option}=NAME.")
    cells = table[name].fillna("").str.strip().tolist()
    if "" in cells:
        row = cells.index("") + 1
        raise ValueError(
            f"Row {row} of {file} (below the header) has nothing in column {name!r}: fill it in or delete it."
        )
    return cells


def _refuse_other_separator(table: Any, file: Path) -> None:
    other = next((mark for mark in ";\t|," if mark in table.columns[0]), None)
    if other and len(table.columns) == 1:
        raise ValueError(
            f"{file} seems to separate its columns by {other!r}, but a .csv file is read with commas and a .tsv file "
            "with tabs: save it as one of these."
        )


def _decoded(file: Path) -> str:
    if file.stat().st_size > _MAX_TEXT:
        raise ValueError(f"{file} has more than {_MAX_TEXT >> 20} MiB: it is not one text; divide it or remove it.")
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, error) from error


def _not_utf8(file: Path, error: UnicodeDecodeError) -> ValueError:
    return ValueError(f"{file} is not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8.")
