"""Electricity transformer temperatures: the series that long-horizon forecasters are compared on."""

from pathlib import Path
from typing import Any, Literal

from iolaus.data.download import Download, ensure
from iolaus.data.series.series import SeriesData
from iolaus.data.series.table import Table
from iolaus.ranges import Count

_URL = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small"
# The first was computed from the file itself; the others are what Darts (its data sets ETTh2, ETTm1, ETTm2) checks.
_MD5 = {
    "ETTh1": "8381763947c85f4be6ac456c508460d6",
    "ETTh2": "51a229a3fc13579dd939364fefe9c7ab",
    "ETTm1": "82d6bd89109c63d075d99c1077b33f38",
    "ETTm2": "7687e47825335860bf58bccb31be0c56",
}
_HOURS_PER_MONTH = 30 * 24
_MONTHS = (12, 16, 20)  # after which training, validation and test end; the file's last four months are not used


class ETT(SeriesData):
    """Oil temperature and six loads of an electricity transformer in China, July 2016 to June 2018.

    Zhou et al. 2021, Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting
    (arXiv:2012.07436), whose split is kept: 12, 4 and 4 months of 30 days.

    root: the folder that holds, or will hold, ETT-small/.
    variant: which of two transformers, hourly (h) or every quarter of an hour (m).
    """

    num_channels = 7

    def __init__(
        self,
        *,
        root: str,
        variant: Literal["ETTh1", "ETTh2", "ETTm1", "ETTm2"] = "ETTh1",
        lookback: Count = 336,
        horizon: Count = 96,
        **options: Any,
    ) -> None:
        super().__init__(lookback=lookback, horizon=horizon, **options)
        self.root = root
        self.variant = variant

    def files(self) -> Path:
        return Path(self.root) / self._download().laid_out

    def table(self) -> Table:
        return self.reader.read(ensure(self._download(), self.root))

    def _download(self) -> Download:
        return Download(
            title=self.variant,
            url=f"{_URL}/{self.variant}.csv",
            md5=_MD5[self.variant],
            laid_out=f"ETT-small/{self.variant}.csv",
            meanwhile="co2",
        )

    def ends(self, table: Table) -> tuple[int, int, int]:
        rows_per_month = _HOURS_PER_MONTH * (4 if self.variant.startswith("ETTm") else 1)
        train_end, val_end, test_end = (months * rows_per_month for months in _MONTHS)
        if len(table) < test_end:
            raise ValueError(f"{table.source} has {len(table)} rows instead of {test_end} or more: get it from {_URL}.")
        if self.lookback + self.horizon > train_end or self.horizon > val_end - train_end:
            raise ValueError(
                f"data.lookback={self.lookback} and data.horizon={self.horizon} are too long: together at most the "
                f"{train_end} training rows, and the horizon at most the {val_end - train_end} of validation."
            )
        return train_end, val_end, test_end
