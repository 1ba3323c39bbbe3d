"""The fully connected layers at the end of the first deep networks for pictures, which read all places at once."""

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer


class FullyConnected(nn.Module):
    """Feature maps (B, C, H, W) → one hidden vector per picture, (B, 1, D), through two linear layers.

    size: places (height, width) that are read; larger maps are averaged down to it, so that weights fit all pictures.
    dropout: after each layer (Hinton et al. 2012, arXiv:1207.0580).
    """

    def __init__(
        self, channels: int, size: tuple[int, int], hidden_dim: int, *, activation: Activation, dropout: float
    ) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(size)
        self.layers = nn.Sequential(
            nn.Linear(channels * size[0] * size[1], hidden_dim),
            activation_layer(activation),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, hidden_dim),
            activation_layer(activation),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.pool(x).flatten(1)).unsqueeze(1)
