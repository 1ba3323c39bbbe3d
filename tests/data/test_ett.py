"""The electricity transformer series: the published split and protocol."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from iolaus.data.loader import Split
from iolaus.data.series.ett import ETT


def write(folder: Path, variant: str, num_rows: int) -> Path:
    """A file of the right shape in which every channel counts the rows."""
    path = folder / "ETT-small" / f"{variant}.csv"
    path.parent.mkdir(parents=True)
    dates = pd.date_range("2016-07-01", periods=num_rows, freq="h" if "h" in variant else "15min")
    channels = {name: np.arange(num_rows) for name in ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")}
    pd.DataFrame({"date": dates, **channels}).to_csv(path, index=False)
    return folder


@pytest.mark.parametrize(("variant", "scale"), [("ETTh2", 1), ("ETTm1", 4)])
def test_parts_are_12_4_and_4_months(tmp_path: Path, variant: str, scale: int) -> None:
    data = ETT(root=str(write(tmp_path, variant, 14400 * scale + 100)), variant=variant, lookback=336, horizon=96)
    data.setup()
    assert len(data.train) == 8640 * scale - 336 - 96 + 1
    assert len(data.val) == len(data.test) == 2880 * scale - 96 + 1
    for split, first_target in ((data.train, 336), (data.val, 8640 * scale), (data.test, 11520 * scale)):
        target = split.batch(torch.tensor([0])).target
        assert target is not None
        assert round(data.unscale(target)[0, 0, 0].item()) == first_target
    last = data.test.batch(torch.tensor([len(data.test) - 1])).target
    assert last is not None
    assert round(data.unscale(last)[0, -1, 0].item()) == 14400 * scale - 1


def test_sizes_are_known_before_reading(tmp_path: Path) -> None:
    data = ETT(root=str(write(tmp_path, "ETTh1", 14400)))
    sketch = data.sketch()
    data.setup()
    assert (data.input, data.target) == sketch


def test_file_that_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="14399 rows instead of 14400"):
        ETT(root=str(write(tmp_path, "ETTh1", 14399))).setup()


@pytest.mark.parametrize(("lookback", "horizon"), [(8640, 1), (1, 2881)])
def test_windows_that_do_not_fit(tmp_path: Path, lookback: int, horizon: int) -> None:
    data = ETT(root=str(write(tmp_path, "ETTh1", 14400)), lookback=lookback, horizon=horizon)
    with pytest.raises(ValueError, match=r"data\.lookback"):
        data.setup()


@pytest.mark.skipif("IOLAUS_DATA" not in os.environ, reason="IOLAUS_DATA names no folder with ETT-small/ETTh1.csv")
def test_real_file_as_published() -> None:
    data = ETT(root=os.environ["IOLAUS_DATA"])
    data.setup()
    assert (len(data.train), len(data.val), len(data.test)) == (8209, 2785, 2785)
    assert data.channel_names == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    first = data.unscale(data.train.batch(torch.tensor([0])).input)[0, 0]
    torch.testing.assert_close(
        first, torch.tensor([5.827, 2.009, 1.599, 0.462, 4.203, 1.34, 30.531]), atol=1e-5, rtol=0
    )
    train = torch.cat(
        [data.train.batch(torch.tensor([0])).input[0], _next_rows(data.train)]
    )  # all but the last 95 rows
    torch.testing.assert_close(train.mean(dim=0), torch.zeros(7), atol=0.03, rtol=0)
    torch.testing.assert_close(train.std(dim=0), torch.ones(7), atol=0.03, rtol=0)


def _next_rows(split: Split) -> torch.Tensor:
    """The first row that each window forecasts, (N, C)."""
    batches = (split.batch(index) for index in torch.arange(len(split)).split(512))
    return torch.cat([batch.target[:, 0] for batch in batches])
