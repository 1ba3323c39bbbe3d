import torch

from iolaus.layers.reversible import remove_level, restore_level


def test_a_window_is_standardized_and_comes_back() -> None:
    window = torch.randn(4, 50, 3) * torch.tensor([1.0, 10.0, 0.1]) + torch.tensor([0.0, 100.0, -5.0])
    plain, level, scale = remove_level(window)
    assert level.shape == scale.shape == (4, 1, 3)
    torch.testing.assert_close(plain.mean(1), torch.zeros(4, 3), atol=1e-4, rtol=0)
    torch.testing.assert_close(plain.std(1, correction=0), torch.ones(4, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(restore_level(plain, level, scale), window, atol=1e-4, rtol=1e-5)


def test_a_constant_window_stays_finite() -> None:
    window = torch.full((1, 8, 1), 7.0, requires_grad=True)
    plain, level, scale = remove_level(window)
    restore_level(plain, level, scale).sum().backward()
    assert plain.abs().max() < 1e-4
    assert window.grad is not None
    assert window.grad.isfinite().all()
