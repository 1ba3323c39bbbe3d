"""Carbon dioxide over Mauna Loa: a real weekly series that is there without a download."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from iolaus.data.series.series import SeriesData
from iolaus.data.series.table import Table, TableReader
from iolaus.ranges import Count


class CO2(SeriesData):
    """Weekly CO₂ in the air over Mauna Loa, in parts per million: 2284 weeks from March 1958 to December 2001.

    Keeling & Whorf 2004, Atmospheric CO₂ concentrations derived from flask air samples at sites in the SIO network. The
    file ships inside statsmodels and is read there without importing it. Its 59 weeks without a measurement are filled
    along a line between their neighbours. The first 70 % of the weeks are for training, the next 10 % for validation
    and the last 20 % for the test.
    """

    reader = TableReader(gaps="interpolate")

    def __init__(self, *, lookback: Count = 104, horizon: Count = 26, **options: Any) -> None:
        super().__init__(lookback=lookback, horizon=horizon, **options)

    def table(self) -> Table:
        return self.reader.read(_file())


def _file() -> Path:
    package = find_spec("statsmodels")
    if package is None or package.origin is None:
        raise ValueError(
            "The CO2 series ships inside statsmodels, which is not installed: type pip install statsmodels."
        )
    return Path(package.origin).parent / "datasets" / "co2" / "co2.csv"
