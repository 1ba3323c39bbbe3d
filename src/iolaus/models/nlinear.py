"""One linear layer from a window, seen from its last value, to the forecast."""

from typing import ClassVar

from torch import Tensor, nn

from iolaus.layers.channels import channel_windows
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.spec import Series, Target


class NLinear(nn.Module):
    """The last value is taken away, and comes back after the linear layer (Zeng et al. 2023, arXiv:2205.13504).

    Each channel is forecast from itself alone, all with the same weights.

    instance_norm: takes away mean and standard deviation instead, which makes it RLinear (Li et al. 2023,
        arXiv:2305.10721).
    """

    reads: ClassVar[tuple[type, ...]] = (Series,)

    def __init__(self, input: Series, target: Target, *, instance_norm: bool = False) -> None:
        super().__init__()
        self.instance_norm = instance_norm
        self.head = head(target, input.length, num_sequences=input.channels)

    def features(self, x: Tensor) -> Features:
        return channel_windows(x, without="mean" if self.instance_norm else "last")  # values (B·C, 1, T)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.head]
