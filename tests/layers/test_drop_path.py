import pytest
import torch

from iolaus.layers.drop_path import DropPath, drop_path_rates


def test_whole_samples_are_left_out_and_the_mean_stays() -> None:
    torch.manual_seed(0)
    layer = DropPath(0.25)
    out = layer(torch.ones(4000, 2, 3, 3))
    values = out.flatten(1)
    assert torch.equal(values.amin(1), values.amax(1))  # a sample is there as a whole, or not at all
    assert sorted(out.unique().tolist()) == pytest.approx([0.0, 1 / 0.75])
    assert out.mean().item() == pytest.approx(1.0, abs=0.03)


def test_evaluation_leaves_nothing_out() -> None:
    x = torch.randn(5, 3)
    assert torch.equal(DropPath(0.9).eval()(x), x)
    assert torch.equal(DropPath(0.0)(x), x)


def test_rates_rise_evenly_from_nothing() -> None:
    assert drop_path_rates(0.3, 4) == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert drop_path_rates(0.3, 1) == [0.3]
