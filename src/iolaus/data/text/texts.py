"""Your own texts: a table (CSV, TSV), or a folder for each class with .txt files in it."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iolaus.data.splits import Share, held_out
from iolaus.data.text.text import Labelled, TextData
from iolaus.data.text.text_files import is_table, list_texts, read_columns, read_text, stamp

_LABEL_COLUMN = "label"
_TEST_FRACTION = 0.2


class Texts(TextData):
    """A user's texts.

    root: a .csv or .tsv file, or a folder of class folders (`FOLDER/happy/1.txt`); or a folder that holds both `train`
        and `test`, each a folder or a table of this kind.
    text_column, label_column: which columns of a table hold the texts, and the names of their classes.
    test_fraction: of the texts, held out for the test where `root` has no `test`; null: 0.2.
    """

    def __init__(
        self,
        *,
        root: str,
        text_column: str = TextData.text_column,
        label_column: str = _LABEL_COLUMN,
        test_fraction: Share | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root = Path(root)
        self.text_column = text_column
        self.label_column = label_column
        self.test_fraction = test_fraction

    def files(self) -> Path:
        return self.root

    def read(self) -> None:
        places = self._places()
        if len(places) == 2 and self.test_fraction is not None:
            _warn(f"data.test_fraction={self.test_fraction}", f"{self.root} brings its own test texts")
        if self.label_column != _LABEL_COLUMN and not any(place.is_file() for place in places):
            _warn(f"data.label_column={self.label_column}", f"in {self.root} each class has a folder")
        super().read()

    def labelled(self) -> tuple[Labelled, Labelled]:
        sources = [self._table(place) if place.is_file() else _class_folders(place) for place in self._places()]
        train, test = sources if len(sources) == 2 else self._hold_out(sources[0])
        return train, test

    def stamp(self) -> Any:
        files = [file for place in self._places() for file in _files(place)]
        return [stamp(files), self.text_column, self.label_column, self.test_fraction, self.seed]

    def _places(self) -> list[Path]:
        """What to read: [everything], or [what to train on, what to test on]."""
        if not self.root.exists():
            raise ValueError(f"There is no {self.root}: give a .csv or .tsv file or a folder (data.root=…).")
        parts = [_part(self.root, name) for name in ("train", "test")]
        return [part for part in parts if part] if all(parts) else [self.root]

    def _table(self, file: Path) -> Labelled:
        if not is_table(file):
            raise ValueError(f"{file} is no .csv or .tsv file: save it as one, or give a folder (data.root=…).")
        columns = {"data.text_column": self.text_column, "data.label_column": self.label_column}
        texts, labels = read_columns(file, columns)
        return Labelled(texts, labels)

    def _hold_out(self, whole: Labelled) -> tuple[Labelled, Labelled]:
        parts = held_out(whole.labels, self.test_fraction or _TEST_FRACTION, self.seed)
        train, test = (
            Labelled([whole.texts[row] for row in part], [whole.labels[row] for row in part])
            for part in (part.tolist() for part in parts)
        )
        return train, test


def _part(root: Path, name: str) -> Path | None:
    """`root/train`, `root/train.csv` or `root/train.tsv`, where there is one."""
    return next(
        (root / f"{name}{suffix}" for suffix in ("", ".csv", ".tsv") if (root / f"{name}{suffix}").exists()), None
    )


def _classes(folder: Path) -> Iterator[tuple[str, Path]]:
    places = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    if not places:
        raise ValueError(f"{folder} holds no folders: put the .txt files of each class into a folder of its own.")
    return ((place.name, place) for place in places)


def _listed(folder: Path) -> list[tuple[str, Path]]:
    """The files of all class folders, each with the name of its class."""
    return [(name, file) for name, place in _classes(folder) for file in list_texts(place)]


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [file for _, file in _listed(place)]


def _class_folders(folder: Path) -> Labelled:
    files = _listed(folder)
    return Labelled([read_text(file) for _, file in files], [name for name, _ in files])


def _warn(option: str, reason: str) -> None:
    warnings.warn(f"{option} has no effect: {reason}.", stacklevel=3)
