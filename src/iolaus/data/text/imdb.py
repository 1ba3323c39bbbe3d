"""IMDB: 50,000 reviews of films, for or against (Maas et al. 2011, "Learning word vectors for sentiment analysis")."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from iolaus.data.cache import Arrays
from iolaus.data.download import Download, ensure
from iolaus.data.text.text import Labelled, TextData
from iolaus.data.text.text_files import list_texts, read_text, stamp
from iolaus.data.text.tokens import End
from iolaus.spec import Target, Text, Unlabelled

_IMDB = Download(
    title="IMDB",
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    md5="7c2ac02c03563afcf9b574c7e56c153a",
    laid_out="aclImdb",
    meanwhile="reviews",
)
_CLASSES = {"neg": "negative", "pos": "positive"}


class IMDB(TextData):
    """The split of the paper: one half to train and validate on, the other to test on.

    root: holds `aclImdb/`, or will: what is missing there is downloaded.
    keep: the tail by default, because the verdict tends to come last (Sun et al. 2019, arXiv:1905.05583).
    """

    def __init__(self, *, root: str, keep: End = "tail", **options: Any) -> None:
        super().__init__(keep=keep, **options)
        self.root = Path(root)

    def files(self) -> Path:
        return self.root / _IMDB.laid_out

    def labelled(self) -> tuple[Labelled, Labelled]:
        return self._part("train"), self._part("test")

    def stamp(self) -> Any:
        return stamp(file for part in ("train", "test") for _, file in self._files(part))

    def _part(self, part: str) -> Labelled:
        labels, files = zip(*self._files(part), strict=True)
        return Labelled([read_text(file).replace("<br />", " ") for file in files], list(labels))

    def _files(self, part: str) -> Iterator[tuple[str, Path]]:
        folder = ensure(_IMDB, self.root) / part
        for name, label in _CLASSES.items():
            for file in _listed(folder / name):
                yield label, file


class UnlabelledIMDB(IMDB):
    """The 50,000 reviews that nobody has judged, to learn the language of; the test is on those of the labelled test.

    keep: all of every review by default, in pieces.
    """

    gives: ClassVar[tuple[type, type]] = (Text, Unlabelled)

    def __init__(self, *, root: str, keep: End = "all", **options: Any) -> None:
        super().__init__(root=root, keep=keep, **options)

    def sketch(self) -> tuple[Text, Target]:
        return super().sketch()[0], Unlabelled()

    def _files(self, part: str) -> Iterator[tuple[str, Path]]:
        if part == "test":
            return (("", file) for _, file in super()._files(part))
        return (("", file) for file in _listed(ensure(_IMDB, self.root) / part / "unsup"))

    def _checked(self) -> tuple[Labelled, Labelled]:
        return self.labelled()

    def _targets(self, arrays: Arrays) -> None:
        self.target = Unlabelled()


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(
            f"{folder.parent} has no folder {folder.name!r}: delete {folder.parent.parent}, and it is downloaded again."
        )
    return list_texts(folder)
