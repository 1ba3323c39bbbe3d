"""Numbers as targets, on a scale that suits losses and learning rates whatever their unit."""

from typing import Any

from torch import Tensor

from iolaus.data.module import DataModule
from iolaus.spec import Number


class Numbered(DataModule):
    """Data with one number per sample, which models see with mean 0 and deviation 1 over the training samples."""

    target: Number
    level: float | None = None  # of the training numbers
    scale: float = 1.0

    def scaled(self, numbers: Tensor, train: Tensor) -> Tensor:
        """All numbers (N,), float64, on the scale of those for training, which are the rows `train`.

        Raises:
            ValueError: if those are all the same.
        """
        if self.level is None:
            self.level, self.scale = numbers[train].mean().item(), numbers[train].std(correction=0).item()
            if self.scale == 0:
                raise ValueError(f"All training samples have the number {self.level}: there is nothing to learn.")
        return ((numbers - self.level) / self.scale).float()

    def unscale(self, numbers: Tensor) -> Tensor:
        """Scaled numbers, such as predictions, in the unit of the data."""
        assert self.level is not None
        return numbers.double() * self.scale + self.level

    def fitted(self) -> dict[str, Any]:
        return super().fitted() | {"number": [self.level, self.scale]}

    def restore(self, fitted: dict[str, Any]) -> None:
        super().restore(fitted)
        if "number" in fitted:
            self.level, self.scale = fitted["number"]
