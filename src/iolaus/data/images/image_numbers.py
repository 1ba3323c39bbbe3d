"""The user's own pictures with a number each: a table (CSV, TSV) that names the files and gives the numbers."""

from pathlib import Path
from typing import Any

import torch

from iolaus.data.images.images import Loaded
from iolaus.data.images.numbered_images import NumberedImages
from iolaus.data.images.picture_cache import load_pictures
from iolaus.data.images.pictures import Pictures
from iolaus.data.splits import Share, held_out
from iolaus.data.text.text_files import read_columns, read_numbers
from iolaus.ranges import Count
from iolaus.spec import Image, Number


class ImageNumbers(NumberedImages):
    """
    root: the table. Files are looked for beside it.
    file_column, number_column: which columns name the files and hold the numbers.
    size: side in pixels that every picture is scaled to, after what exceeds a centred square is cut off.
    grayscale: one channel instead of red, green and blue.
    test_fraction: of all pictures, held out for the test.
    """

    def __init__(
        self,
        *,
        root: str,
        file_column: str = "file",
        number_column: str = "number",
        size: Count = 64,
        grayscale: bool = False,
        test_fraction: Share = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root = Path(root)
        self.file_column = file_column
        self.number_column = number_column
        self.size = size
        self.num_channels = 1 if grayscale else 3
        self.test_fraction = test_fraction

    def sketch(self) -> tuple[Image, Number]:
        return Image(self.num_channels, self.size, self.size), Number(self.number_column)

    def files(self) -> Path:
        return self.root

    def load(self) -> Loaded:
        if not self.root.is_file():
            raise ValueError(f"There is no file {self.root}: give a .csv or .tsv file (data.root=FILE).")
        [names] = read_columns(self.root, {"data.file_column": self.file_column})
        numbers = read_numbers(self.root, {"data.number_column": self.number_column})
        folder = self.root.parent
        missing = next((name for name in names if not (folder / name).is_file()), None)
        if missing is not None:
            raise ValueError(f"{self.root} names {missing}, but there is no file {folder / missing}: correct the name.")
        values = load_pictures(folder, [folder / name for name in names], channels=self.num_channels, size=self.size)
        whole = Pictures.whole(values, torch.tensor(numbers, dtype=torch.float64))
        train, test = held_out(torch.zeros(len(whole)), self.test_fraction, self.seed)
        if not len(train):
            raise ValueError(f"{self.root} names too few pictures: none is left to train on beside those for the test.")
        return Loaded(whole.part(train), whole.part(test), Number(self.number_column))
