"""Reading a CSV: what is found by itself, what can be said, and what every mistake in the file is called."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iolaus.data.series.dates import spacing
from iolaus.data.series.table import Table, TableReader


@pytest.fixture
def csv(tmp_path: Path) -> "Csv":
    return Csv(tmp_path / "file.csv")


class Csv:
    """Writes text to a file and reads it as a table."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str, *, encoding: str = "utf-8", **options: object) -> Table:
        self.path.write_text(text, encoding=encoding)
        return TableReader(**options).read(self.path)


DAYS = ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04", "2020-01-05", "2020-01-06"]


def daily(*values: object) -> str:
    """`day,load` with one row for each value."""
    return "\n".join(["day,load", *(f"{day},{value}" for day, value in zip(DAYS, values, strict=False))])


def test_values_names_and_dates(csv: Csv) -> None:
    table = csv("day,load,heat\n2020-01-01,1.5,10\n2020-01-02,2.5,20\n2020-01-03,3.5,30\n")
    assert table.channel_names == ("load", "heat")
    assert table.values.dtype == np.float64
    assert table.values.tolist() == [[1.5, 10], [2.5, 20], [3.5, 30]]
    assert table.dates is not None
    assert list(table.dates.astype(str)) == DAYS[:3]


@pytest.mark.parametrize(
    "dates",
    [
        ["2020-01-01 00:00:00", "2020-01-01 01:00:00", "2020-01-01 02:00:00"],
        ["2020-01-01T00:00:00Z", "2020-01-01T01:00:00Z", "2020-01-01T02:00:00Z"],
        ["2020-03-29T01:00:00+01:00", "2020-03-29T03:00:00+02:00", "2020-03-29T04:00:00+02:00"],  # summer time begins
        ["20200101", "20200102", "20200103"],
        ["2020", "2021", "2022"],
        ["202011", "202012", "202101"],
        ["2020-11", "2020-12", "2021-01"],
        ["01/31/2020", "02/29/2020", "03/31/2020"],
        ["01/12/2020", "01/01/2021", "01/02/2021"],  # the day first: months; the month first: uneven
        ["30.12.2020", "31.12.2020", "01.01.2021"],
        ["1/31/2020 23:00", "2/1/2020 0:00", "2/1/2020 1:00"],
    ],
)
def test_dates_in_the_usual_ways_of_writing(csv: Csv, dates: list[str]) -> None:
    table = csv("load,when\n" + "\n".join(f"{number}.5,{date}" for number, date in enumerate(dates)))
    assert table.channel_names == ("load",)
    assert table.dates is not None
    assert spacing(table.dates) is not None


def test_numbers_are_not_taken_for_dates(csv: Csv) -> None:
    with pytest.warns(UserWarning, match="no|No column"):
        table = csv("power,count\n1200,17\n1350,18\n1201,19\n1800,20\n")
    assert table.channel_names == ("power", "count")
    assert table.dates is None


def test_date_column_and_its_format_can_be_named(csv: Csv) -> None:
    text = "seen,a,at\n2020-01-01,1,Jan 3 2020\n2020-01-02,2,Jan 4 2020\n2020-01-03,3,Jan 5 2020\n"
    table = csv(text, date_column="at", date_format="%b %d %Y", columns=("a",))
    assert table.dates is not None
    assert str(table.dates[0].date()) == "2020-01-03"


def test_columns_come_in_the_order_asked_for(csv: Csv) -> None:
    table = csv("day,a,b\n2020-01-01,1,4\n2020-01-02,2,5\n2020-01-03,3,6\n", columns=("b", "a"))
    assert table.channel_names == ("b", "a")
    assert table.values[0].tolist() == [4, 1]


def test_text_columns_are_left_out_and_said_so(csv: Csv) -> None:
    with pytest.warns(UserWarning, match="'site'"):
        table = csv("day,site,a\n2020-01-01,north,1\n2020-01-02,south,2\n2020-01-03,north,3\n")
    assert table.channel_names == ("a",)


def test_semicolons_and_decimal_commas(csv: Csv) -> None:
    text = "day;load\n01.02.2020;1,5\n02.02.2020;2,5\n03.02.2020;3,5\n"
    assert csv(text, separator=";", decimal=",").values.flatten().tolist() == [1.5, 2.5, 3.5]
    with pytest.raises(ValueError, match=r'data\.separator=";"'):
        csv(text)
    with pytest.raises(ValueError, match=r"line 2: column 'load' says '1,5'.*data\.decimal=','"):
        csv(text, separator=";", columns=("load",))


def test_byte_order_mark_and_blank_lines(csv: Csv) -> None:
    table = csv("day,load\n2020-01-01,1\n\n2020-01-02,2\n2020-01-03,3\n\n\n", encoding="utf-8-sig")
    assert table.dates is not None
    assert table.values.flatten().tolist() == [1, 2, 3]


# Gaps


@pytest.mark.parametrize(("gaps", "filled"), [("interpolate", [1, 2, 3, 4, 5]), ("forward", [1, 1, 1, 4, 5])])
def test_empty_cells_are_filled_when_asked(csv: Csv, gaps: str, filled: list[float]) -> None:
    assert csv(daily(1, "", "NaN", 4, 5), gaps=gaps).values.flatten().tolist() == filled


@pytest.mark.parametrize(("gaps", "filled"), [("interpolate", [1, 2, 3, 4]), ("forward", [1, 1, 3, 4])])
def test_missing_rows_are_filled_when_asked(csv: Csv, gaps: str, filled: list[float]) -> None:
    days = pd.date_range("2020-01-01", periods=14, freq="D")
    rows = "\n".join(f"{day.date()},{day.day}" for day in days if day.day != 2)
    table = csv(f"day,load\n{rows}", gaps=gaps)
    assert table.values.flatten().tolist() == [*filled, *range(5, 15)]
    assert table.dates is not None
    assert list(table.dates) == list(days)


def test_holidays_are_missing_rows_of_working_days(csv: Csv) -> None:
    days = [day for day in pd.bdate_range("2020-01-01", periods=40) if str(day.date()) != "2020-02-05"]
    table = csv("day,load\n" + "\n".join(f"{day.date()},1" for day in days), gaps="forward")
    assert len(table) == 40


def test_gap_at_the_start(csv: Csv) -> None:
    assert csv(daily("", 2, 3), gaps="interpolate").values.flatten().tolist() == [2, 2, 3]
    with pytest.raises(ValueError, match=r"'load' starts with an empty cell.*data\.gaps=interpolate"):
        csv(daily("", 2, 3), gaps="forward")


# Mistakes


def test_empty_cell_is_refused_with_column_and_line(csv: Csv) -> None:
    with pytest.raises(ValueError, match=r"line 4: column 'load' is empty.*data\.gaps=interpolate"):
        csv(daily(1, 2, "", 4))


def test_line_is_right_after_blank_lines(csv: Csv) -> None:
    with pytest.raises(ValueError, match="line 6: column 'load' is empty"):
        csv("day,load\n2020-01-01,1\n\n2020-01-02,2\n\n2020-01-03,\n2020-01-04,4\n")


def test_missing_row_is_refused_with_its_date(csv: Csv) -> None:
    rows = "\n".join(f"{day.date()},1" for day in pd.date_range("2020-01-01", periods=14) if day.day != 3)
    with pytest.raises(ValueError, match=r"rows are missing.*1, the first at 2020-01-03.*data\.gaps=interpolate"):
        csv(f"day,load\n{rows}")


def test_uneven_dates(csv: Csv) -> None:
    with pytest.raises(ValueError, match="not evenly spaced"):
        csv("day,load\n2020-01-01,1\n2020-01-02,2\n2020-01-09,3\n2020-03-01,4\n", gaps="interpolate")


def test_a_pause_of_years_is_not_filled(csv: Csv) -> None:
    times = [*pd.date_range("2000-01-01", periods=20, freq="s"), *pd.date_range("2020-01-01", periods=20, freq="s")]
    with pytest.raises(ValueError, match="not evenly spaced"):
        csv("time,load\n" + "\n".join(f"{time},1" for time in times), gaps="forward")


@pytest.mark.parametrize("value", ["broken", "inf", "1.2.3"])
def test_text_where_a_number_should_be(csv: Csv, value: str) -> None:
    with pytest.raises(ValueError, match=f"line 5: column 'load' says '{value}'"):
        csv(daily(1, 2, 3, value, 5, 6))


def test_date_that_is_none(csv: Csv) -> None:
    with pytest.raises(ValueError, match=r"line 3: 'soon' in column 'day' is no date.*data\.date_format"):
        csv("day,load\n2020-01-01,1\nsoon,2\n2020-01-03,3\n2020-01-04,3\n")


def test_date_that_is_not_there(csv: Csv) -> None:
    with pytest.raises(ValueError, match="line 3: an empty cell in column 'day' is no date"):
        csv("day,load\n2020-01-01,1\n,2\n2020-01-03,3\n2020-01-04,3\n")


def test_dates_out_of_order(csv: Csv) -> None:
    with pytest.raises(ValueError, match=r"line 4: '2020-01-02' comes before.*sort the file by 'day'"):
        csv("day,load\n2020-01-01,1\n2020-01-03,2\n2020-01-02,3\n")


def test_dates_twice(csv: Csv) -> None:
    with pytest.raises(ValueError, match="line 4: '2020-01-02' repeats"):
        csv("day,load\n2020-01-01,1\n2020-01-02,2\n2020-01-02,3\n")


@pytest.mark.parametrize("option", ["columns", "date_column"])
def test_column_that_is_not_there(csv: Csv, option: str) -> None:
    value = ("wind",) if option == "columns" else "wind"
    with pytest.raises(ValueError, match=rf"data\.{option} asks for 'wind'.*'load'"):
        csv(daily(1, 2, 3), **{option: value})


def test_no_column_of_numbers(csv: Csv) -> None:
    with pytest.raises(ValueError, match="no column of numbers"):
        csv("day,site\n2020-01-01,a\n2020-01-02,b\n2020-01-03,c\n")


def test_chosen_column_without_a_number(csv: Csv) -> None:
    with pytest.raises(ValueError, match="'b' holds no number"):
        csv("day,a,b\n2020-01-01,1,\n2020-01-02,2,\n2020-01-03,3,\n", columns=("b",), gaps="interpolate")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        TableReader().read(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="is a folder"):
        TableReader().read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n1,2,3,4\n", b"a\n\xff\xfe"])
def test_no_csv(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a CSV file"):
        TableReader().read(path)


def test_more_cells_than_names(csv: Csv) -> None:
    with pytest.raises(ValueError, match="more cells than the header"):
        csv("day,load\n2020-01-01,1,5\n2020-01-02,2,5\n2020-01-03,3,5\n")


def test_a_first_line_of_values_is_no_header(csv: Csv) -> None:
    with pytest.raises(ValueError, match=r"begins with 5\.83 where the name of a column should be"):
        csv("2020-01-01,5.83\n2020-01-02,6.1\n2020-01-03,6.4\n")


def test_columns_may_be_called_by_years(csv: Csv) -> None:
    assert csv("day,2019,2020\n2020-01-01,1.5,2.5\n2020-01-02,1.2,2.0\n").channel_names == ("2019", "2020")


def test_header_alone(csv: Csv) -> None:
    with pytest.raises(ValueError, match="no rows"):
        csv("day,load\n")


def test_a_clean_file_warns_of_nothing(csv: Csv) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        csv("day,load\n13/02/2020,1\n14/02/2020,2\n15/02/2020,3\n")
