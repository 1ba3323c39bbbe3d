import numpy as np
import pandas as pd
import pytest
import torch

from iolaus.layers.decomposition import moving_average


@pytest.mark.parametrize("size", [1, 3, 25])
def test_is_what_pandas_calls_a_centred_rolling_mean(size: int) -> None:
    x = torch.randn(2, 3, 40)
    margin = size // 2
    for averaged, series in zip(moving_average(x, size).flatten(0, 1), x.flatten(0, 1), strict=True):
        padded = pd.Series(np.pad(series.numpy(), margin, mode="edge"))
        expected = padded.rolling(size, center=True).mean().dropna().to_numpy()
        np.testing.assert_allclose(averaged.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_line_is_its_own_trend_away_from_its_ends() -> None:
    line = torch.arange(20.0).view(1, 1, -1)
    torch.testing.assert_close(moving_average(line, 5)[..., 2:-2], line[..., 2:-2])
