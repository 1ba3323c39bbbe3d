"""The other half of a transformer block: two linear layers that see one token at a time."""

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer


class FeedForward(nn.Module):
    def __init__(self, dim: int, hidden_dim: int, *, activation: Activation = "gelu", dropout: float = 0.0) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, hidden_dim)
        self.activation = activation_layer(activation)
        self.dropout = nn.Dropout(dropout)
        self.contract = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(self.dropout(self.activation(self.expand(x))))
