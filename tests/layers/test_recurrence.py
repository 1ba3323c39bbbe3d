"""Recurrence against torch's own stacks over packed sequences."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from iolaus.layers.recurrence import Cell, Recurrence

B, L, D = 4, 7, 6
LENGTHS = torch.tensor([7, 3, 1, 5])
CELLS = [nn.RNN, nn.LSTM, nn.GRU]


def torchs(recurrence: Recurrence, cell: Cell, num_layers: int, bidirectional: bool) -> nn.RNNBase:
    """torch's stack with the same weights."""
    hidden_dim = D // 2 if bidirectional else D
    stack = cell(D, hidden_dim, num_layers=num_layers, bidirectional=bidirectional, batch_first=True)
    weights = {}
    for direction, layers in (("", recurrence.forwards), ("_reverse", recurrence.backwards)):
        for number, layer in enumerate(layers):
            for name, weight in layer.state_dict().items():
                weights[name.replace("_l0", f"_l{number}{direction}")] = weight
    stack.load_state_dict(weights)
    return stack


def packed(stack: nn.RNNBase, x: Tensor) -> Tensor:
    sequence = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(stack(sequence)[0], batch_first=True, total_length=L)[0]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_equals_packed_sequences(cell: Cell, num_layers: int, bidirectional: bool) -> None:
    torch.manual_seed(0)
    recurrence = Recurrence(cell, D, num_layers=num_layers, bidirectional=bidirectional)
    stack = torchs(recurrence, cell, num_layers, bidirectional)
    x, mask = torch.randn(B, L, D), torch.arange(L) < LENGTHS[:, None]
    torch.testing.assert_close(recurrence(x, mask)[mask], packed(stack, x)[mask])
    torch.testing.assert_close(recurrence(x), stack(x)[0])


def test_dropout_is_between_layers() -> None:
    torch.manual_seed(0)
    x = torch.randn(B, L, D)
    one, two = Recurrence(nn.GRU, D, dropout=0.5), Recurrence(nn.GRU, D, num_layers=2, dropout=0.5)
    torch.testing.assert_close(one.train()(x), one.eval()(x))
    assert not torch.allclose(two.train()(x), two.eval()(x))


def test_two_directions_share_an_even_number_of_features() -> None:
    with pytest.raises(ValueError, match=r"model\.dim=7 .* type model\.dim=8"):
        Recurrence(nn.LSTM, 7, bidirectional=True)
