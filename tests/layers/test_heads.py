"""What `head` makes of features for each kind of target."""

from typing import Any

import pytest
import torch

from iolaus.layers.embeddings import embed
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.pooling import FlattenPool, MeanPool
from iolaus.spec import Classes, Forecast, Series

CLASSES, FORECAST = Classes(("a", "b", "c")), Forecast(channels=2, horizon=5)
D, L = 8, 6


def test_classes_are_a_linear_layer_on_the_mean() -> None:
    layer, values = head(CLASSES, D, num_tokens=L), torch.randn(4, L, D)
    assert isinstance(layer.pool, MeanPool)
    torch.testing.assert_close(layer(Features(values)), layer.project(values.mean(1)))


def test_classes_see_the_sequences_of_a_sample_together() -> None:
    layer, values = head(CLASSES, D, num_tokens=L, num_sequences=2), torch.randn(4 * 2, L, D)
    pooled = values.mean(1)
    expected = torch.stack([layer.project(torch.cat([pooled[2 * n], pooled[2 * n + 1]])) for n in range(4)])
    torch.testing.assert_close(layer(Features(values)), expected)


@pytest.mark.parametrize("num_sequences", [1, 2])
def test_forecasts_are_a_linear_layer_on_all_tokens(num_sequences: int) -> None:
    layer = head(FORECAST, D, num_tokens=L, num_sequences=num_sequences)
    values = torch.randn(4 * num_sequences, L, D)
    assert isinstance(layer.pool, FlattenPool)
    expected = layer.project(values.flatten(1)).view(4, 2, 5).transpose(1, 2)
    torch.testing.assert_close(layer(Features(values)), expected)


def test_an_independent_channel_is_forecast_from_itself_alone() -> None:
    layer, values = head(FORECAST, D, num_tokens=L, num_sequences=2), torch.randn(4, 2, L, D)
    changed = values.clone()
    changed[:, 1] += 1
    before, after = layer(Features(values.flatten(0, 1))), layer(Features(changed.flatten(0, 1)))
    torch.testing.assert_close(before[:, :, 0], after[:, :, 0])
    assert not torch.allclose(before[:, :, 1], after[:, :, 1])


@pytest.mark.parametrize("channel_independent", [True, False])
def test_a_forecast_moves_with_the_level_and_scale_of_its_window(channel_independent: bool) -> None:
    torch.manual_seed(0)
    embedding = embed(Series(2, 24), D, channel_independent=channel_independent)
    layer = head(FORECAST, D, num_tokens=embedding.num_tokens, num_sequences=embedding.num_sequences)
    window, factor, offset = torch.randn(4, 24, 2), torch.tensor([2.0, 5.0]), torch.tensor([-30.0, 100.0])
    torch.testing.assert_close(
        layer(embedding(window * factor + offset)), layer(embedding(window)) * factor + offset, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("target", [CLASSES, FORECAST])
def test_pooling_and_dropout_are_as_asked(target: Any) -> None:
    torch.manual_seed(0)
    layer, features = head(target, D, num_tokens=L, pooling="last", dropout=0.5), Features(torch.randn(4, L, D))
    changed = features.values.clone()
    changed[:, :-1] += 1
    torch.testing.assert_close(layer.eval()(features), layer(features.with_values(changed)))
    assert not torch.allclose(layer.train()(features), layer.eval()(features))


def test_other_channels_out_than_in_cannot_be_forecast_from_themselves() -> None:
    with pytest.raises(
        ValueError, match=r"7 channels go in and 2 are to be forecast.*type model\.channel_independent="
    ):
        head(FORECAST, D, num_tokens=L, num_sequences=7)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no head for Series: register one with .*head\.register"):
        head(Series(1, 2), D)
