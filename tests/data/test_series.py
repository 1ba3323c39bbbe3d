"""The kind `series`: windows, parts, scaling, order; on tables made here, through the user's own CSV."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from iolaus.data.series.series_file import SeriesFile
from iolaus.data.series.table import Table
from iolaus.data.series.windows import Windows
from iolaus.spec import Forecast, Series


def write(path: Path, *, num_rows: int = 200, freq: str = "D", **columns: object) -> Path:
    """A CSV of `num_rows` dates and, unless columns are given, two channels: 0, 1, 2, … and its square."""
    rows = np.arange(num_rows, dtype=float)
    frame = pd.DataFrame(columns or {"linear": rows, "square": rows**2})
    frame.insert(0, "when", pd.date_range("2020-01-01", periods=num_rows, freq=freq))
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "series.csv")


def read(path: Path, **options: object) -> SeriesFile:
    data = SeriesFile(**({"root": str(path), "lookback": 8, "horizon": 4, "batch_size": 16} | options))
    data.setup()
    return data


def test_windows_are_the_rows_that_a_plain_slice_gives() -> None:
    table = torch.randn(30, 3)
    windows = Windows(table, lookback=5, horizon=2)
    index = torch.tensor([23, 0, 7])
    batch = windows.batch(index)
    assert len(windows) == 30 - 7 + 1
    assert batch.target is not None
    for sample, start in enumerate(index.tolist()):
        assert torch.equal(batch.input[sample], table[start : start + 5])
        assert torch.equal(batch.target[sample], table[start + 5 : start + 7])


def test_windows_without_a_horizon_have_no_target() -> None:
    batch = Windows(torch.randn(5, 1), lookback=5, horizon=0).batch(torch.tensor([0]))
    assert batch.input.shape == (1, 5, 1)
    assert batch.target is None


def test_spec_after_reading_is_that_of_the_batches(path: Path) -> None:
    data = read(path)
    assert data.input == Series(channels=2, length=8)
    assert data.target == Forecast(channels=2, horizon=4)
    batch = next(iter(data.train_dataloader()))
    assert batch.input.shape == (16, 8, 2)
    assert batch.target.shape == (16, 4, 2)
    assert batch.input.dtype == batch.target.dtype == torch.float32
    assert batch.input.is_contiguous()
    assert batch.target.is_contiguous()


def test_sketch_knows_the_channels_that_were_asked_for() -> None:
    assert SeriesFile(root="x.csv", columns=["a", "b"], lookback=8).sketch()[0] == Series(2, 8)
    assert SeriesFile(root="x.csv", lookback=8, horizon=4).sketch() == (Series(1, 8), Forecast(1, 4))


def test_every_row_of_validation_and_test_is_forecast_and_none_of_another_part(path: Path) -> None:
    data = read(path)  # 140 / 20 / 40 rows
    for split, first, end in ((data.train, 8, 140), (data.val, 140, 160), (data.test, 160, 200)):
        targets = data.unscale(split.batch(torch.arange(len(split))).target)
        assert sorted({round(value) for value in targets[..., 0].flatten().tolist()}) == list(range(first, end))


def test_evaluation_leaves_no_window_out(path: Path) -> None:
    data = read(path)
    for loader, number in ((data.val_dataloader(), 20 - 4 + 1), (data.test_dataloader(), 40 - 4 + 1)):
        assert torch.cat([batch.index for batch in loader]).tolist() == list(range(number))


def test_scale_is_that_of_the_training_rows(path: Path) -> None:
    data = read(path)
    rows = np.arange(140.0)
    expected = np.stack([rows, rows**2], axis=1)
    np.testing.assert_allclose(data.fitted()["mean"], expected.mean(axis=0))
    np.testing.assert_allclose(data.fitted()["std"], expected.std(axis=0))


def test_unscale_takes_the_scale_back(path: Path) -> None:
    data = read(path)
    batch = data.train.batch(torch.tensor([3]))
    expected = torch.arange(3, 11).float()
    unscaled = data.unscale(batch.input)[0]
    torch.testing.assert_close(unscaled, torch.stack([expected, expected**2], dim=1), atol=1e-3, rtol=0)


def test_large_values_keep_their_small_changes(tmp_path: Path) -> None:
    values = 1e9 + np.arange(200) % 2
    data = read(write(tmp_path / "large.csv", level=values))
    assert data.train.batch(torch.tensor([0])).input.flatten().tolist() == pytest.approx([-1.0, 1.0] * 4)


def test_constant_channel_is_shifted_and_reported(tmp_path: Path) -> None:
    # 0.1 is no sum of powers of two: its computed standard deviation is not exactly 0
    path = write(tmp_path / "flat.csv", flat=np.full(200, 0.1), line=np.arange(200.0))
    with pytest.warns(UserWarning, match="'flat'"):
        data = read(path)
    assert data.fitted()["std"][0] == 1
    assert data.train.batch(torch.tensor([0])).input[..., 0].abs().max() < 1e-6


def test_what_was_fitted_survives_a_checkpoint_and_is_kept(path: Path, tmp_path: Path) -> None:
    data = read(path)
    state = data.state_dict()
    assert all(type(value) is float for value in state["fitted"]["mean"] + state["fitted"]["std"])
    torch.save(state, tmp_path / "state.pt")
    other = write(tmp_path / "other.csv", linear=np.arange(200.0) * 3, square=np.arange(200.0))
    restored = SeriesFile(root=str(other), lookback=8, horizon=4)
    restored.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    restored.setup()
    assert restored.fitted() == data.fitted()
    assert (restored.input, restored.target) == (data.input, data.target)


def test_other_channels_than_the_run_was_trained_on(path: Path, tmp_path: Path) -> None:
    state = read(path).state_dict()
    data = SeriesFile(root=str(write(tmp_path / "other.csv", wind=np.arange(200.0))), lookback=8, horizon=4)
    data.load_state_dict(state)
    with pytest.raises(ValueError, match=r"linear, square.*wind.*data\.columns"):
        data.setup()


def test_order_follows_from_the_seed(path: Path) -> None:
    def order(seed: int) -> list[int]:
        return torch.cat([batch.index for batch in read(path, seed=seed).train_dataloader()]).tolist()

    assert order(0) == order(0)
    assert order(0) != order(1)


@pytest.mark.parametrize("lookback", [1, 5, 29])
@pytest.mark.parametrize("horizon", [1, 29])
@pytest.mark.parametrize(("val_fraction", "test_fraction"), [(0.1, 0.2), (0.29, 0.29), (0.01, 0.3)])
def test_needed_rows_are_named_and_are_enough(
    lookback: int, horizon: int, val_fraction: float, test_fraction: float
) -> None:
    data = SeriesFile(
        root="", lookback=lookback, horizon=horizon, val_fraction=val_fraction, test_fraction=test_fraction
    )

    def table(num_rows: int) -> Table:
        return Table(np.zeros((num_rows, 1)), ("a",), None, "series.csv")

    with pytest.raises(ValueError, match="need") as error:
        data.ends(table(1))
    needed = int(str(error.value).split("need ")[1].split(",")[0])
    train_end, val_end, test_end = data.ends(table(needed))
    assert train_end >= lookback + horizon
    assert val_end - train_end >= horizon
    assert test_end - val_end >= horizon
    with pytest.raises(ValueError, match=r"series\.csv has"):
        data.ends(table(needed - 1))


@pytest.mark.parametrize(("val_fraction", "test_fraction"), [(0.0, 0.2), (0.2, 0.0), (0.5, 0.5)])
def test_fractions_that_leave_a_part_empty(val_fraction: float, test_fraction: float) -> None:
    with pytest.raises(ValueError, match=r"data\.val_fraction"):
        SeriesFile(root="", val_fraction=val_fraction, test_fraction=test_fraction)


def test_examples_are_the_last_rows_of_a_file(path: Path, tmp_path: Path) -> None:
    data = read(path)
    recent = write(tmp_path / "recent.csv", num_rows=10, square=np.arange(10.0), linear=np.arange(10.0) * 2)
    split, names = data.examples(recent)
    batch = split.batch(torch.tensor([0]))
    assert names == ["recent"]
    assert len(split) == 1
    assert batch.target is None
    assert data.unscale(batch.input)[0, :, 0].tolist() == pytest.approx([4, 6, 8, 10, 12, 14, 16, 18], abs=1e-4)


def test_examples_shorter_than_a_window(path: Path, tmp_path: Path) -> None:
    short = write(tmp_path / "short.csv", num_rows=7)
    with pytest.raises(ValueError, match=r"7 rows.*data\.lookback=8"):
        read(path).examples(short)


@pytest.mark.parametrize(
    ("freq", "expected"),
    [
        ("D", ["2020-07-19", "2020-07-20", "2020-07-21", "2020-07-22"]),
        ("h", ["2020-01-09 08:00:00", "2020-01-09 09:00:00", "2020-01-09 10:00:00", "2020-01-09 11:00:00"]),
        ("MS", ["2036-09-01", "2036-10-01", "2036-11-01", "2036-12-01"]),
        ("B", ["2020-10-07", "2020-10-08", "2020-10-09", "2020-10-12"]),
    ],
)
def test_future_dates_go_on_as_the_past_ones_did(tmp_path: Path, freq: str, expected: list[str]) -> None:
    path = write(tmp_path / "dated.csv", freq=freq)
    assert read(path).future_dates(path) == expected


def test_series_without_dates_has_no_future_dates(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    pd.DataFrame({"a": np.random.default_rng(0).normal(size=200)}).to_csv(path, index=False)
    with pytest.warns(UserWarning, match=r"data\.date_column"):
        data = read(path)
    with pytest.warns(UserWarning, match=r"data\.date_column"):
        assert data.future_dates(path) == []
