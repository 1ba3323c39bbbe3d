"""The transformer's block as it was first drawn, with norms after the sums (Vaswani et al. 2017, arXiv:1706.03762)."""

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.attention import SelfAttention
from iolaus.layers.feedforward import FeedForward
from iolaus.layers.norms import Norm, norm_layer


class PostNormBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + feedforward(x)): (B, L, D) → (B, L, D).

    attention_dropout: on the attention weights.

    Raises:
        ValueError: for heads that do not divide dim.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        hidden_dim: int,
        *,
        activation: Activation = "gelu",
        norm: Norm = "layer",
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, num_heads, dropout=attention_dropout)
        self.attention_norm = norm_layer(norm, dim)
        self.feedforward = FeedForward(dim, hidden_dim, activation=activation, dropout=dropout)
        self.feedforward_norm = norm_layer(norm, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, mask)), mask)
        return self.feedforward_norm(x + self.dropout(self.feedforward(x)), mask)
