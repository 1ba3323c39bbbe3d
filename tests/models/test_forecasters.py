"""Forecasters against their papers: numbers of parameters, and tiny formulas written independently."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.models.dlinear import DLinear
from iolaus.models.itransformer import ITransformer
from iolaus.models.naive import LastValue, SeasonalValue
from iolaus.models.nhits import NHiTS
from iolaus.models.nlinear import NLinear
from iolaus.models.patchtst import PatchTST
from iolaus.models.segrnn import SegRNN
from iolaus.spec import Forecast, Series
from tests.models.test_contract import CASES

B, L, C, H = 3, 30, 4, 10
WINDOW, HORIZON = Series(C, L), Forecast(C, H)


def windows(seed: int = 0) -> Tensor:
    return torch.randn(B, L, C, generator=torch.Generator().manual_seed(seed)) * 2 + 5


def built(kind: Any, input: Series = WINDOW, target: Forecast = HORIZON, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    return kind(input, target, **options).eval()


def count(kind: Any, length: int, horizon: int, *, channels: int = 7, **options: Any) -> int:
    with torch.device("meta"):
        model = kind(Series(channels, length), Forecast(channels, horizon), **options)
    return sum(parameter.numel() for parameter in model.parameters())


# How many parameters.


def test_dlinear_has_the_papers_parameters() -> None:
    """139.7 K with a window of 96 and 720 steps to forecast (Zeng et al. 2023). Channels do not matter."""
    assert count(DLinear, 96, 720, channels=321) == 2 * (96 + 1) * 720 == 139_680
    assert count(NLinear, 96, 720) == (96 + 1) * 720


def test_patchtst_has_as_many_parameters_as_its_figure_says() -> None:
    """With the paper's options for ETTh1 and its 42 patches of 336 steps."""
    embedding = 16 * 16 + 16 + 42 * 16
    attention, norms, feedforward = 4 * (16 * 16 + 16), 2 * 2 * 16, 16 * 128 + 128 + 128 * 16 + 16
    head = 42 * 16 * 96 + 96
    expected = embedding + 3 * (attention + norms + feedforward) + head
    assert count(PatchTST, 336, 96, dim=16, num_heads=4, feedforward_ratio=8.0) == expected == 81_728


def test_itransformer_has_as_many_parameters_as_its_figure_says() -> None:
    """With the authors' options for ETTh1; a channel more costs nothing."""
    block = 4 * (256 * 256 + 256) + 2 * 2 * 256 + 2 * (256 * 256 + 256)
    expected = (96 * 256 + 256) + 2 * block + 2 * 256 + (256 * 96 + 96)
    assert count(ITransformer, 96, 96) == count(ITransformer, 96, 96, channels=8) == expected == 841_568


def test_segrnn_has_as_many_parameters_as_its_figure_says() -> None:
    """With the authors' options for ETTh1: 30 segments of 24 steps in, 4 out."""
    gru = 3 * (512 * 512 + 512 * 512 + 512 + 512)
    expected = (24 * 512 + 512) + gru + (4 + 7) * 256 + (512 * 24 + 24)
    assert count(SegRNN, 720, 96, segment_size=24) == expected


def test_nhits_has_as_many_parameters_as_its_figure_says() -> None:
    """Blocks of 512 that see 21, 42 and 336 values of 336, and forecast 4, 8 and 96 of 96."""
    blocks = sum((seen + 1) * 512 + (512 + 1) * 512 for seen in (21, 42, 336))
    expected = blocks + 2 * (512 + 1) * 336 + (512 + 1) * (4 + 8 + 96)
    assert count(NHiTS, 336, 96) == expected


# What they compute.


def test_last_value_is_the_last_value() -> None:
    x = windows()
    assert torch.equal(built(LastValue)(x), x[:, [-1] * H])


@pytest.mark.parametrize(("period", "horizon"), [(1, 3), (4, 10), (7, 7), (12, 5)])
def test_seasonal_value_is_what_came_a_period_ago(period: int, horizon: int) -> None:
    x = windows()
    expected = x.clone()
    for _ in range(horizon):
        expected = torch.cat([expected, expected[:, -period, None]], dim=1)
    assert torch.equal(built(SeasonalValue, target=Forecast(C, horizon), period=period)(x), expected[:, L:])


def test_nlinear_by_hand() -> None:
    model, x = built(NLinear), windows().numpy()
    weight, bias = model.head.project.weight.detach().numpy(), model.head.project.bias.detach().numpy()
    expected = np.empty((B, H, C), np.float32)
    for sample in range(B):
        for channel in range(C):
            series = x[sample, :, channel]
            expected[sample, :, channel] = weight @ (series - series[-1]) + bias + series[-1]
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_dlinear_by_hand() -> None:
    model, x = built(DLinear, kernel_size=5), windows().numpy()
    parts = [(layer.project.weight.detach().numpy(), layer.project.bias.detach().numpy())
             for layer in (model.head.trend, model.head.remainder)]  # fmt: skip
    expected = np.empty((B, H, C), np.float32)
    for sample in range(B):
        for channel in range(C):
            series = x[sample, :, channel]
            trend = np.convolve(np.pad(series, 2, mode="edge"), np.ones(5) / 5, mode="valid")
            forecasts = [
                weight @ part + bias for part, (weight, bias) in zip((trend, series - trend), parts, strict=True)
            ]
            expected[sample, :, channel] = sum(forecasts)
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_patchtst_is_torchs_encoder_over_patches_cut_by_hand() -> None:
    model = built(PatchTST, dim=16, num_heads=4, num_layers=1, patch_size=8, patch_stride=4, norm="layer")
    (block,), layer = model.blocks, nn.TransformerEncoderLayer(16, 4, 32, 0.0, F.gelu, batch_first=True)
    attention = block.attention
    layer.load_state_dict(
        {
            "self_attn.in_proj_weight": torch.cat([getattr(attention, n).weight for n in ("query", "key", "value")]),
            "self_attn.in_proj_bias": torch.cat([getattr(attention, n).bias for n in ("query", "key", "value")]),
            "self_attn.out_proj.weight": attention.output.weight,
            "self_attn.out_proj.bias": attention.output.bias,
            **{f"linear1.{n}": p for n, p in block.feedforward.expand.named_parameters()},
            **{f"linear2.{n}": p for n, p in block.feedforward.contract.named_parameters()},
            **{f"norm1.{n}": p for n, p in block.attention_norm.named_parameters()},
            **{f"norm2.{n}": p for n, p in block.feedforward_norm.named_parameters()},
        }
    )
    x, expected = windows(), []
    for series in x.transpose(1, 2).flatten(0, 1):  # each channel of each sample by itself
        level, scale = series.mean(), (series.var(correction=0) + 1e-5).sqrt()
        steps = torch.cat([series, series[-1].expand(4)])  # the end is repeated for one stride
        patches = torch.stack([steps[start : start + 8] for start in range(0, L + 4 - 8 + 1, 4)])
        tokens = model.embedding.project((patches - level) / scale) + model.embedding.positions.table
        expected.append(model.head.project(layer.eval()(tokens.unsqueeze(0)).flatten()) * scale + level)
    expected = torch.stack(expected).view(B, C, H).transpose(1, 2)
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-4)


def test_itransformer_does_not_know_the_order_of_channels() -> None:
    model, x, order = built(ITransformer, dim=16, num_heads=4), windows(), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(model(x[:, :, order]), model(x)[:, :, order], rtol=1e-4, atol=1e-4)


def test_itransformers_channels_see_each_other_and_samples_do_not() -> None:
    model, x = built(ITransformer, dim=16, num_heads=4), windows()
    changed = x.clone()
    changed[0, :, 1] = windows(seed=1)[0, :, 1]
    before, after = model(x), model(changed)
    assert not torch.allclose(after[0, :, 0], before[0, :, 0], atol=1e-4)
    torch.testing.assert_close(after[1:], before[1:])


@pytest.mark.parametrize("horizon", [10, 12])
def test_segrnn_is_a_cell_stepping_by_hand(horizon: int) -> None:
    """And 30 steps are no multiple of 4: the first value is repeated before them."""
    model, x = built(SegRNN, target=Forecast(C, horizon), dim=8, segment_size=4), windows()
    cell = nn.GRUCell(8, 8)
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in model.recurrence.named_parameters()})
    expected = torch.empty(B, horizon + 2, C)
    for sample in range(B):
        for channel in range(C):
            series = x[sample, :, channel] - x[sample, -1, channel]
            state = torch.zeros(8)
            for segment in torch.cat([series[[0, 0]], series]).split(4):
                state = cell(model.embedding.project(segment).relu(), state)
            for number in range(3):
                place = torch.cat([model.places.segments[number], model.places.channels[channel]])
                answer = model.head.project(cell(place, state)) + x[sample, -1, channel]
                expected[sample, 4 * number : 4 * number + 4, channel] = answer[: horizon + 2 - 4 * number]
    torch.testing.assert_close(model(x), expected[:, :horizon], rtol=1e-4, atol=1e-5)


def test_nhits_by_hand() -> None:
    model = built(NHiTS, dim=8, num_layers=1, pool_sizes=[4, 1], downsampling=[5, 1])
    slow, fast = model.blocks
    x, expected = windows(), torch.empty(B, H, C)
    for sample in range(B):
        for channel in range(C):
            series = x[sample, :, channel]
            pooled = torch.stack([values.max() for values in series.split(4)])
            hidden = slow.perceptron[0](pooled).relu()
            left, right = model.head.knots[0](hidden)  # in the middles of the first and the last five steps
            line = torch.from_numpy(np.interp(np.arange(H), [2, 7], [left.item(), right.item()])).float()
            rest = fast.perceptron[0](series - model.backcasts[0](hidden)).relu()
            expected[sample, :, channel] = series[-1] + line + model.head.knots[1](rest)
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-4)


# What they promise.

INDEPENDENT = {"nlinear", "dlinear", "patchtst", "segrnn", "nhits", "last_value", "seasonal_value"}
FORECASTS = [case for case in CASES if isinstance(case.target, Forecast)]


@pytest.mark.parametrize("case", [case for case in FORECASTS if case.name in INDEPENDENT], ids=str)
def test_a_channel_is_forecast_from_itself_alone(case: Any) -> None:
    model, x = case.trained(), case.x()
    changed = x.clone()
    changed[:, :, 1] += torch.randn(len(x), x.shape[1], generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(model(changed)[:, :, 0], model(x)[:, :, 0])
    assert not torch.allclose(model(changed)[:, :, 1], model(x)[:, :, 1])


@pytest.mark.parametrize("name", ["nlinear", "dlinear", "patchtst", "itransformer", "segrnn", "nhits"])
def test_with_instance_norm_a_forecast_moves_and_grows_with_its_window(name: str) -> None:
    (case,) = (case for case in FORECASTS if case.name == name)
    model, plain, x = case.build(instance_norm=True).eval(), case.build(instance_norm=False).eval(), case.x()
    torch.testing.assert_close(model(3 * x + 100), 3 * model(x) + 100, rtol=1e-3, atol=1e-2)
    assert not torch.allclose(plain(3 * x + 100), 3 * plain(x) + 100, rtol=1e-3, atol=1e-2)


def test_what_subtracts_the_last_value_moves_with_it() -> None:
    for model in (built(NLinear), built(SegRNN, dim=8), built(LastValue)):
        torch.testing.assert_close(model(windows() + 100), model(windows()) + 100, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        (SeasonalValue, {"period": 31}, r"model\.period=31 .* window of 30 steps: type data\.lookback=31 or more"),
        (DLinear, {"kernel_size": 24}, r"model\.kernel_size=24 has no middle: type model\.kernel_size=25\."),
        (PatchTST, {"patch_size": 31}, r"model\.patch_size=31 is longer than the window of 30 steps"),
        (PatchTST, {"dim": 20, "num_heads": 16}, r"model\.dim=20 cannot be shared out among model\.num_heads=16"),
        (ITransformer, {"dim": 20}, r"model\.dim=20 cannot be shared out among model\.num_heads=8"),
        (SegRNN, {"segment_size": 31}, r"model\.segment_size=31 is longer than the window of 30 steps"),
        (SegRNN, {"dim": 9}, r"model\.dim=9 cannot be shared by segments and channels: type model\.dim=10\."),
        (NHiTS, {"pool_sizes": [31, 1, 1]}, r"model\.pool_sizes=31 is longer than the window of 30 steps"),
        (NHiTS, {"downsampling": [4, 1]}, r"model\.pool_sizes has 3 blocks and model\.downsampling 2"),
    ],
)
def test_what_cannot_be_is_refused(kind: Any, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        kind(WINDOW, HORIZON, **options)
