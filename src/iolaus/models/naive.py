"""Forecasts without weights, which nobody may lose to: the last value again, and the last season again."""

from typing import ClassVar

from torch import Tensor, nn

from iolaus.layers.features import Features
from iolaus.ranges import Count
from iolaus.spec import Forecast, Series


class SeasonalValue(nn.Module):
    """What came one period ago comes again (Hyndman & Athanasopoulos 2021, Forecasting: Principles and Practice).

    period: steps; 24 for the days of an hourly series, 52 for the years of a weekly one.

    Raises:
        ValueError: if the window is shorter than the period.
    """

    reads: ClassVar[tuple[type, ...]] = (Series,)
    writes: ClassVar[tuple[type, ...]] = (Forecast,)

    def __init__(self, input: Series, target: Forecast, *, period: Count = 52) -> None:
        super().__init__()
        if period > input.length:
            raise ValueError(
                f"model.period={period} is longer than the window of {input.length} steps: "
                f"type data.lookback={period} or more, or a shorter period."
            )
        self.period = period
        self.head = Repeat(target.horizon)

    def features(self, x: Tensor) -> Features:
        return Features(x[:, -self.period :])  # (B, period, C)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.head]


class LastValue(SeasonalValue):
    """What came last comes again and again: the best forecast of a random walk."""

    def __init__(self, input: Series, target: Forecast) -> None:
        super().__init__(input, target, period=1)


class Repeat(nn.Module):
    """A season (B, period, C) → as many of it as the horizon takes: (B, horizon, C)."""

    def __init__(self, horizon: int) -> None:
        super().__init__()
        self.horizon = horizon

    def forward(self, features: Features) -> Tensor:
        season = features.values
        num_seasons = -(-self.horizon // season.shape[1])
        return season.repeat(1, num_seasons, 1)[:, : self.horizon]
