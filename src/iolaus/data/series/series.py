"""Time series: what their sources share. One scaled table in memory, cut in time into training, validation and test."""

import math
import warnings
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from iolaus.data.loader import Split
from iolaus.data.module import DataModule, HeldOut
from iolaus.data.series.dates import following
from iolaus.data.series.table import Table, TableReader
from iolaus.data.series.windows import Windows
from iolaus.ranges import Count
from iolaus.spec import Forecast, Series


class SeriesData(DataModule):
    """A series of several channels, to be forecast from its own past.

    The parts follow one another in time. A window belongs to the part in which its target lies: in validation and test
    it may look back into the rows before its part, and no row of a part goes unforecast. Every channel is scaled by the
    mean and standard deviation of its training rows, so losses and metrics are on scaled values, as papers report them.

    Subclasses give the `table`, and the rows at which the parts `ends` if not after these fractions.

    lookback: rows of input. horizon: rows to forecast.
    """

    gives: ClassVar[tuple[type, type]] = (Series, Forecast)

    num_channels: int = 1  # as far as known before anything is read
    val_fraction: float = 0.1
    test_fraction: float = 0.2
    reader: TableReader = TableReader()

    def __init__(self, *, lookback: Count = 96, horizon: Count = 24, **options: Any) -> None:
        super().__init__(**options)
        self.lookback = lookback
        self.horizon = horizon
        self.channel_names: tuple[str, ...] = ()
        self.mean: list[float] = []
        self.std: list[float] = []

    @abstractmethod
    def table(self) -> Table:
        """The whole series, in order of time.

        Raises:
            ValueError: for what is wrong with the file.
        """

    def ends(self, table: Table) -> tuple[int, int, int]:
        """The rows before which training, validation and test end.

        Raises:
            ValueError: if a part is too short for a window.
        """
        train_fraction = 1 - self.val_fraction - self.test_fraction
        needed = max(
            _ceil((self.lookback + self.horizon) / train_fraction),
            _ceil(self.horizon / self.val_fraction),
            _ceil(self.horizon / self.test_fraction),
        )
        if len(table) < needed:
            raise ValueError(
                f"{table.source} has {len(table)} rows, but data.lookback={self.lookback} and "
                f"data.horizon={self.horizon} need {needed}, so that there is a window in training, validation and "
                "test: type smaller ones, or give a longer series."
            )
        num_val, num_test = (_floor(len(table) * share) for share in (self.val_fraction, self.test_fraction))
        return len(table) - num_test - num_val, len(table) - num_test, len(table)

    def sketch(self) -> tuple[Series, Forecast]:
        return Series(self.num_channels, self.lookback), Forecast(self.num_channels, self.horizon)

    def read(self) -> None:
        table = self.table()
        train_end, val_end, test_end = self.ends(table)
        if self.channel_names:
            self._check_channels(table)
        else:
            self._fit(table, train_end)
        scaled = self._scaled(table.values)
        self.num_channels = len(self.channel_names)
        self.input, self.target = self.sketch()
        self.train = self._windows(scaled[:train_end])
        self.val = self._windows(scaled[train_end - self.lookback : val_end])
        self.test = self._windows(scaled[val_end - self.lookback : test_end])

    def examples(self, path: Path) -> tuple[Split, list[str]]:
        """The last `lookback` rows of a CSV file with the same channels, as the only window."""
        table = self._recent(path)
        return Windows(self._scaled(table.values[-self.lookback :]), lookback=self.lookback, horizon=0), [path.stem]

    def future_dates(self, path: Path) -> list[str]:
        """The dates (ISO 8601) of the `horizon` rows after those in the file; none if it has no dates."""
        dates = self._recent(path).dates
        return [] if dates is None else following(dates, self.horizon)

    def samples(self, part: HeldOut) -> str:
        """Windows of the same channels are told apart by what is to be forecast."""
        return ", ".join(self.channel_names)

    def unscale(self, values: Tensor) -> Tensor:
        """Scaled values (…, C), such as forecasts, in the units of the data."""
        return values * values.new_tensor(self.std) + values.new_tensor(self.mean)

    def fitted(self) -> dict[str, Any]:
        return {"channel_names": list(self.channel_names), "mean": self.mean, "std": self.std}

    def restore(self, fitted: dict[str, Any]) -> None:
        self.channel_names = tuple(fitted["channel_names"])
        self.mean, self.std = fitted["mean"], fitted["std"]

    def _fit(self, table: Table, train_end: int) -> None:
        train = table.values[:train_end]
        constant = np.ptp(train, axis=0) == 0
        if constant.any():
            names = ", ".join(f"'{table.channel_names[channel]}'" for channel in np.flatnonzero(constant))
            warnings.warn(f"Constant in all training rows, so shifted but not scaled: {names}.", stacklevel=2)
        self.channel_names = table.channel_names
        self.mean = train.mean(axis=0).tolist()
        self.std = np.where(constant, 1.0, train.std(axis=0)).tolist()

    def _scaled(self, values: np.ndarray) -> Tensor:
        # (T, C); in double precision until scaled, or a small change of a large value would drown in rounding.
        # pandas keeps columns together in memory, and windows are cut by rows.
        return torch.from_numpy((values - self.mean) / self.std).float().contiguous()

    def _windows(self, rows: Tensor) -> Windows:
        return Windows(rows, lookback=self.lookback, horizon=self.horizon)

    def _recent(self, path: Path) -> Table:
        table = replace(self.reader, columns=self.channel_names).read(path)
        if len(table) < self.lookback:
            raise ValueError(
                f"{path} has {len(table)} rows, but a forecast looks back on data.lookback={self.lookback}: "
                "give the file with that many of the latest rows."
            )
        return table

    def _check_channels(self, table: Table) -> None:
        if table.channel_names != self.channel_names:
            raise ValueError(
                f"The run was trained on the channels {', '.join(self.channel_names)}, but {table.source} gives "
                f"{', '.join(table.channel_names)}: choose the same with data.columns."
            )


# 100 × 0.29 is 28.999999999999996, and means 29.
_ROUNDING = 1e-9


def _floor(value: float) -> int:
    return math.floor(value + _ROUNDING)


def _ceil(value: float) -> int:
    return math.ceil(value - _ROUNDING)
