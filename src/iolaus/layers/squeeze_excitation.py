"""Squeeze and excitation: the whole picture decides how loud each channel is (Hu et al. 2018, arXiv:1709.01507)."""

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer


class SqueezeExcitation(nn.Module):
    """(B, C, H, W) → the same, each channel times a gate between 0 and 1. `hidden`: channels between the two layers."""

    def __init__(self, channels: int, hidden: int, *, activation: Activation = "relu") -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.activation = activation_layer(activation)
        self.excite = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        summary = x.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
        return x * self.excite(self.activation(self.squeeze(summary))).sigmoid()
