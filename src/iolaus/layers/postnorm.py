"""The transformer's block as it was first drawn, with norms after the sums (Vaswani et al. 2017, arXiv:1706.03762)."""

from collections.abc import Callable

from torch import Tensor, nn


class PostNormBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + feedforward(x)): (B, L, D) → (B, L, D).

    make_norm: makes each of the two norms, which are called as `norm(x, mask)`.
    dropout: on what each layer adds.
    """

    def __init__(
        self,
        attention: nn.Module,
        feedforward: nn.Module,
        make_norm: Callable[[], nn.Module],
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.attention_norm = make_norm()
        self.feedforward = feedforward
        self.feedforward_norm = make_norm()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, mask)), mask)
        return self.feedforward_norm(x + self.dropout(self.feedforward(x)), mask)
