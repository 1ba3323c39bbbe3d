"""Your own texts with a number each, such as stars or prices: a table (CSV, TSV)."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from iolaus.data.cache import Arrays
from iolaus.data.numbered import Numbered
from iolaus.data.splits import held_out
from iolaus.data.text.text import Labelled
from iolaus.data.text.text_files import is_number
from iolaus.data.text.texts import Texts
from iolaus.spec import Number, Text


class TextNumbers(Numbered, Texts):
    """
    root: a .csv or .tsv file; or a folder that holds two of them, `train` and `test`.
    text_column, label_column: which columns hold the texts and the numbers.
    """

    gives: ClassVar[tuple[type, type]] = (Text, Number)

    target: Number

    def __init__(self, *, label_column: str = "number", **options: Any) -> None:
        super().__init__(label_column=label_column, **options)

    def sketch(self) -> tuple[Text, Number]:
        return self.spec(), Number(self.label_column)

    def _checked(self) -> tuple[Labelled, Labelled]:
        train, test = self.labelled()
        if not self._kept(train.labels):
            raise ValueError(f"{self.root} has too few texts: none is left to train on beside those held out.")
        return train, test

    def _targets(self, arrays: Arrays) -> Tensor:
        """What texts carry as labels are numbers here."""
        wrong = next((name for name in arrays["names"].tolist() if not is_number(name)), None)
        if wrong is not None:
            raise ValueError(
                f"The column {self.label_column!r} of {self.root} says {wrong!r} where a number should be: correct it, "
                "or name another column (data.label_column=NAME)."
            )
        numbers = torch.tensor([float(name) for name in arrays["names"]], dtype=torch.float64)[arrays["labels"]]
        train, _ = held_out(arrays["labels"][: int(arrays["num_train"])], self.val_fraction, self.seed)
        self.target = Number(self.label_column)
        return self.scaled(numbers, train)
