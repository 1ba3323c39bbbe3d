"""Cells that read a sequence step by step and carry a state along. Gates and names are in torch's order."""

from iolaus.scratch.activations import sigmoid
from iolaus.scratch.linear import uniform_parameter
from iolaus.scratch.module import Module
from iolaus.scratch.operations import tanh
from iolaus.scratch.tensor import Tensor


class _Cell(Module):
    """Two linear maps side by side for every gate: one of the input, one of the state."""

    num_gates = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        num_rows = self.num_gates * hidden_size
        self.weight_ih = uniform_parameter((num_rows, input_size), hidden_size)
        self.weight_hh = uniform_parameter((num_rows, hidden_size), hidden_size)
        self.bias_ih = uniform_parameter((num_rows,), hidden_size)
        self.bias_hh = uniform_parameter((num_rows,), hidden_size)
        self.hidden_size = hidden_size

    def from_input(self, x: Tensor) -> Tensor:
        return x @ self.weight_ih.T + self.bias_ih  # (B, gates · H)

    def from_state(self, h: Tensor) -> Tensor:
        return h @ self.weight_hh.T + self.bias_hh  # (B, gates · H)

    def gates(self, x: Tensor) -> list[Tensor]:
        """Cuts (B, gates · H) into one (B, H) for each gate."""
        return [x[..., n * self.hidden_size : (n + 1) * self.hidden_size] for n in range(self.num_gates)]


class RNNCell(_Cell):
    """The plain cell (Elman 1990): (B, input_size) and a state (B, hidden_size) give the next state."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return tanh(self.from_input(x) + self.from_state(h))


class LSTMCell(_Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997): a memory `c` that gates forget, fill and read.

    (B, input_size) and a state (h, c), each (B, hidden_size), give the next state.
    """

    num_gates = 4

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        fill, forget, new, read = self.gates(self.from_input(x) + self.from_state(h))
        c = sigmoid(forget) * c + sigmoid(fill) * tanh(new)
        return sigmoid(read) * tanh(c), c


class GRUCell(_Cell):
    """The gated recurrent unit (Cho et al. 2014): (B, input_size) and a state (B, hidden_size) give the next state."""

    num_gates = 3

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        reset, keep, new = self.gates(self.from_input(x))
        reset_h, keep_h, new_h = self.gates(self.from_state(h))
        candidate = tanh(new + sigmoid(reset + reset_h) * new_h)
        kept = sigmoid(keep + keep_h)
        return kept * h + (1 - kept) * candidate
