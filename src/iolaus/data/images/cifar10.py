"""CIFAR-10: 60 000 colour pictures of 32×32 pixels in ten classes. Krizhevsky 2009, "Learning multiple layers…"."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from iolaus.data.download import Download, ensure
from iolaus.data.images.classified_images import ClassifiedImages
from iolaus.data.images.images import Loaded
from iolaus.data.images.pictures import Pictures
from iolaus.spec import Classes, Image

# Not the better known Python version: that one is made of pickles, which can run any code when they are read.
ARCHIVE = Download(
    title="CIFAR-10",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    laid_out="cifar-10-batches-bin",
    meanwhile="digits",
)
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)

_PICTURES_PER_FILE = 10_000
_BYTES_PER_PICTURE = 1 + 3 * 32 * 32  # its class, then its red, green and blue pixels


class CIFAR10(ClassifiedImages):
    """root: the folder that holds `cifar-10-batches-bin`; if it is not there, it is downloaded (162 MiB)."""

    def __init__(self, *, root: str = "data", **options: Any) -> None:
        super().__init__(**options)
        self.root = root

    def sketch(self) -> tuple[Image, Classes]:
        return Image(3, 32, 32), Classes(NAMES)

    def files(self) -> Path:
        return Path(self.root) / ARCHIVE.laid_out

    def load(self) -> Loaded:
        folder = ensure(ARCHIVE, self.root)
        return Loaded(
            train=_pictures([folder / name for name in TRAIN_FILES]),
            test=_pictures([folder / name for name in TEST_FILES]),
            target=Classes(NAMES),
        )


def _pictures(files: list[Path]) -> Pictures:
    records = [_records(file) for file in files]  # (10 000, 3073) each
    labels = np.concatenate([record[:, 0] for record in records]).astype(np.int64)
    values = np.concatenate([record[:, 1:] for record in records]).reshape(-1, 3, 32, 32)
    return Pictures.whole(torch.from_numpy(values), torch.from_numpy(labels))


def _records(file: Path) -> np.ndarray:
    num_bytes = _PICTURES_PER_FILE * _BYTES_PER_PICTURE
    found = file.stat().st_size if file.exists() else 0
    if found != num_bytes:
        raise ValueError(
            f"{file} has {found} bytes instead of {num_bytes}: delete the folder {file.parent}, "
            f"and it will be downloaded again."
        )
    records = np.fromfile(file, dtype=np.uint8).reshape(-1, _BYTES_PER_PICTURE)
    if records[:, 0].max() >= len(NAMES):
        raise ValueError(
            f"{file} is damaged (it has a class {records[:, 0].max()}; there are 0 to 9): delete the folder "
            f"{file.parent}, and it will be downloaded again."
        )
    return records
