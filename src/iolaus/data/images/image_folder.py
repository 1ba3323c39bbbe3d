"""The user's own pictures: a folder with one folder of pictures per class."""

import warnings
from pathlib import Path
from typing import Any

import torch

from iolaus.data.images.classified_images import ClassifiedImages
from iolaus.data.images.decoding import is_picture, picture_files
from iolaus.data.images.images import Loaded
from iolaus.data.images.picture_cache import load_pictures
from iolaus.data.images.pictures import Pictures
from iolaus.data.splits import Share, held_out
from iolaus.ranges import Count
from iolaus.spec import Classes, Image

_VAL_NAMES = {"val", "valid", "validation"}
_PART_NAMES = {"train", "test", *_VAL_NAMES}
_VAL_FRACTION = 0.1
_TEST_FRACTION = 0.2


class ImageFolder(ClassifiedImages):
    """Either root/CLASS/… or root/train/CLASS/…, root/test/CLASS/… and, where there is one, root/val/CLASS/….

    root: the folder.
    size: side in pixels that every picture is scaled to, after what exceeds a centred square is cut off.
    grayscale: one channel instead of red, green and blue.
    val_fraction: how much of the training pictures validates where there is no root/val; by default a tenth.
    test_fraction: how much of all pictures tests where there is no root/test; by default a fifth.
    """

    def __init__(
        self,
        *,
        root: str,
        size: Count = 64,
        grayscale: bool = False,
        val_fraction: Share | None = None,
        test_fraction: Share | None = None,
        **options: Any,
    ) -> None:
        super().__init__(val_fraction=val_fraction or _VAL_FRACTION, **options)
        self.root = Path(root)
        self.size = size
        self.grayscale = grayscale
        self.fractions = {"val": val_fraction, "test": test_fraction}

    def sketch(self) -> tuple[Image, Classes]:
        return Image(1 if self.grayscale else 3, self.size, self.size), Classes(("a", "b"))

    def load(self) -> Loaded:
        parts = parts_of(self.root)
        for part, fraction in self.fractions.items():
            if part in parts and fraction is not None:
                warnings.warn(
                    f"data.{part}_fraction={fraction} has no effect, because there is {parts[part]}.", stacklevel=2
                )
        names = class_names(parts["train"])
        listed = {part: labelled(folder, names, is_whole=part == "train") for part, folder in parts.items()}
        pictures = self._load_all(listed)
        if "test" not in pictures:
            whole = pictures["train"]
            stay, held = held_out(whole.targets, self.fractions["test"] or _TEST_FRACTION, self.seed)
            pictures |= {"train": whole.part(stay), "test": whole.part(held)}
        return Loaded(pictures["train"], pictures["test"], Classes(names), pictures.get("val"))

    def _load_all(self, listed: dict[str, list[tuple[Path, int]]]) -> dict[str, Pictures]:
        """All parts share one array, so that one file can hold it."""
        files, labels = zip(*(item for items in listed.values() for item in items), strict=True)
        values = load_pictures(self.root, files, channels=1 if self.grayscale else 3, size=self.size)
        whole = Pictures.whole(values, torch.tensor(labels))
        counts = [len(items) for items in listed.values()]
        return {part: whole.part(rows) for part, rows in zip(listed, whole.rows.split(counts), strict=True)}


def parts_of(root: Path, option: str = "data.root") -> dict[str, Path]:
    """The folders that hold the classes of each split; only "train" where the root, that the option names, does."""
    if not root.is_dir():
        raise ValueError(f"{option}={root} is no folder: type {option}=FOLDER, with one folder of pictures per class.")
    folders = {folder.name: folder for folder in _folders(root)}
    if not {"train", "test"} <= folders.keys():
        if folders and folders.keys() <= _PART_NAMES:
            raise ValueError(
                f"{root} has {' and '.join(sorted(folders))}, but it takes both train and test: "
                f"add the other, or type {option}={root / min(folders)} to divide that one."
            )
        return {"train": root}
    parts = {"train": folders["train"], "test": folders["test"]}
    for name in _VAL_NAMES & folders.keys():
        parts["val"] = folders[name]
    unused = sorted(folders.keys() - {folder.name for folder in parts.values()})
    if unused:
        warnings.warn(
            f"{root} is divided into train and test, so {', '.join(unused)} beside them is left out.", stacklevel=2
        )
    return parts


def _folders(folder: Path) -> list[Path]:
    return sorted(inner for inner in folder.iterdir() if inner.is_dir() and not inner.name.startswith("."))


def class_names(folder: Path) -> tuple[str, ...]:
    """
    Raises:
        ValueError: if there are not two.
    """
    names = tuple(sorted(inner.name for inner in _folders(folder)))
    if len(names) < 2:
        found = f"only the class {names[0]}" if names else "no folders"
        raise ValueError(f"{folder} holds {found}: it takes one folder of pictures per class, and two classes.")
    return names


def labelled(folder: Path, names: tuple[str, ...], *, is_whole: bool) -> list[tuple[Path, int]]:
    """Every picture of the classes in `folder` with its class. If `is_whole`, each class must have some."""
    strays = [file.name for file in folder.iterdir() if is_picture(file)]
    if strays:
        warnings.warn(
            f"{len(strays)} pictures in {folder} are in no class and left out: {min(strays)} is one.", stacklevel=2
        )
    listed = []
    for inner in _folders(folder):
        if inner.name not in names:
            raise ValueError(f"{inner} is a class without training pictures: the classes are {', '.join(names)}.")
        files = picture_files(inner)
        if is_whole and not files:
            raise ValueError(f"{inner} has no pictures (.png, .jpg, …): put some there or remove the folder.")
        listed += [(file, names.index(inner.name)) for file in files]
    if not listed:
        raise ValueError(f"{folder} has no pictures: it takes one folder of them per class.")
    return listed
