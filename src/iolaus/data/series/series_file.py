"""Your own series: a CSV file with a header line, one row per date and one column per channel."""

from typing import Any

from iolaus.data.series.series import SeriesData
from iolaus.data.series.table import Gaps, Table, TableReader
from iolaus.ranges import Rate


class SeriesFile(SeriesData):
    """A user's series. The last `test_fraction` of its rows are for the test, those before it for validation.

    root: the CSV file.
    date_column: the column of dates; null: the first one that parses as dates.
    date_format: how dates are written, as in `strptime`; null: found by trying.
    columns: which columns are the channels, in this order; null: all that hold numbers.
    gaps: what becomes of empty cells and missing rows. Along a line (`interpolate`) is smoother, but a value before a
        gap then knows of the one after it; `forward` repeats the last value, as one would have had to at the time.
    separator, decimal: the characters between cells and before decimals.
    """

    def __init__(
        self,
        *,
        root: str,
        date_column: str | None = None,
        date_format: str | None = None,
        columns: list[str] | None = None,
        gaps: Gaps = "refuse",
        separator: str = ",",
        decimal: str = ".",
        val_fraction: Rate = 0.1,
        test_fraction: Rate = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not (val_fraction > 0 and test_fraction > 0 and val_fraction + test_fraction < 1):
            raise ValueError(
                f"data.val_fraction={val_fraction} and data.test_fraction={test_fraction} must both be above 0 and "
                "leave something to train on: type for example data.val_fraction=0.1 data.test_fraction=0.2."
            )
        self.root = root
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.num_channels = len(columns) if columns else 1
        self.reader = TableReader(
            date_column=date_column,
            date_format=date_format,
            columns=tuple(columns) if columns else None,
            gaps=gaps,
            separator=separator,
            decimal=decimal,
        )

    def table(self) -> Table:
        return self.reader.read(self.root)
