"""Windows of a series: one table in memory, out of which every sample is cut by its index."""

from torch import Tensor

from iolaus.batch import Batch


class Windows:
    """All windows that lie within a table (T, C): `lookback` rows as input, the `horizon` rows after them as target.

    Neighbouring windows share rows: `_inputs` and `_targets` are strided views that take no memory of their own. With
    horizon 0 there is no target (prediction).
    """

    def __init__(self, table: Tensor, *, lookback: int, horizon: int) -> None:
        length = lookback + horizon
        assert len(table) >= length, "a part that is shorter than a window"
        windows = table.unfold(0, length, 1).transpose(1, 2)  # (N, lookback + horizon, C)
        self._inputs, self._targets = windows[:, :lookback], windows[:, lookback:]

    def __len__(self) -> int:
        return len(self._inputs)

    def batch(self, index: Tensor) -> Batch:
        """Input (B, lookback, C) and target (B, horizon, C)."""
        target = self._targets[index] if self._targets.shape[1] else None
        return Batch(self._inputs[index], target, index)
