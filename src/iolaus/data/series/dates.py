"""The dates of a table's rows: which column holds them, whether they are evenly spaced, which rows are missing.

pandas is imported where it is used: a run on pictures or text need not wait for it.
"""

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_COMPACT = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d"}  # dates that are written as plain digits, by how many these are
_RUN = 10  # rows in sequence that show a spacing: two weeks of working days, so that these are not taken for all days
_NUM_RUNS = 500  # how many of these are looked at: rows that miss so many neighbours are hardly a series


def date_column(frame: "pd.DataFrame") -> str | None:
    """The first column that holds dates: text most of which parses, or digits that parse to evenly spaced dates."""
    for name in frame:
        dates = parse(frame[name])
        is_text = frame[name].dtype.kind not in "iuf"
        if dates.notna().mean() > 0.5 and (is_text or (dates.notna().all() and _rule(dates) is not None)):
            return str(name)
    return None


def parse(column: "pd.Series", date_format: str | None = None) -> "pd.DatetimeIndex":
    """The column as dates, without time zone (UTC where one is given); NaT where a cell is no date.

    Without a format the one that parses the most cells is taken, and where day and month can be swapped, the one whose
    dates are evenly spaced.
    """
    import pandas as pd

    cells = column.astype("string").str.strip()
    formats = [date_format] if date_format else _formats(cells)
    readings = [
        pd.DatetimeIndex(pd.to_datetime(cells, format=each, errors="coerce", utc=True)).tz_localize(None)
        for each in formats
    ]
    if not readings:
        return pd.DatetimeIndex([pd.NaT] * len(cells))
    return max(readings, key=lambda dates: (dates.notna().sum(), dates.notna().all() and _rule(dates) is not None))


def spacing(dates: "pd.DatetimeIndex") -> Any:
    """The offset from each of the dates to the next (an hour, a working day, a month), None if they are uneven."""
    import pandas as pd

    if len(dates) == 2:
        return dates[1] - dates[0]
    rule = _rule(dates)
    return None if rule is None else pd.tseries.frequencies.to_offset(rule)


def without_holes(dates: "pd.DatetimeIndex") -> "pd.DatetimeIndex | None":
    """The evenly spaced dates that `dates` are a part of; None if there are none, or if most of them would be new.

    They are spaced as in the first run of rows that misses none, or else by the step that is most frequent.
    """
    import pandas as pd

    runs = (dates[start : start + _RUN] for start in range(min(_NUM_RUNS, len(dates) - _RUN + 1)))
    steps = dates[1:] - dates[:-1]
    rule = next(filter(None, map(_rule, runs)), steps.to_series().mode()[0])
    if dates[-1] - dates[0] > 2 * len(dates) * steps.min():
        return None
    even = pd.date_range(dates[0], dates[-1], freq=rule)
    return even if dates.isin(even).all() else None


def following(dates: "pd.DatetimeIndex", count: int) -> list[str]:
    """The next `count` dates in ISO 8601; none if the dates are uneven."""
    import pandas as pd

    step = spacing(dates)
    if step is None:
        return []
    return list(pd.date_range(dates[-1], periods=count + 1, freq=step)[1:].astype(str))


def _formats(cells: "pd.Series") -> list[str]:
    """The formats that the first cell may be written in, the likelier ones first."""
    from pandas.tseries.api import guess_datetime_format

    first = next(iter(cells.dropna()), "")
    if first.isdigit():
        return [_COMPACT[len(first)]] if len(first) in _COMPACT else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a swapped day and month, which is what is tried here
        guesses = [guess_datetime_format(first, dayfirst=day_first) for day_first in (False, True)]
    found = [guess for guess in dict.fromkeys(guesses) if guess]
    return [*found, "ISO8601"] if found else []


def _rule(dates: "pd.DatetimeIndex") -> Any:
    """The spacing as pandas names it, None if the dates are uneven, out of order or too few to tell."""
    import pandas as pd

    if len(dates) < 3:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a change in what it returns (text or an offset): either does here
        return pd.infer_freq(dates)
