"""What data hand to tasks: some samples, ready for the device."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Samples of one step.

    `input`   (B, …) as the input's spec says.
    `target`  (B, …) as the target's spec says; None where the sample has none (prediction).
    `index`   (B,) which samples of their split these are.
    `unlabelled` (B', …) inputs of another domain, whose targets are not told; None where data have but one.
    `seed`    what every random draw on this batch follows from, in augmentation and in the step; None in evaluation,
              where nothing is drawn.
    """

    input: Tensor
    target: Tensor | None
    index: Tensor
    seed: int | None = None
    unlabelled: Tensor | None = None

    def __len__(self) -> int:
        return len(self.index)

    def to(self, device: torch.device, **options: Any) -> "Batch":
        def moved(tensor: Tensor | None) -> Any:
            return None if tensor is None else tensor.to(device, **options)

        return replace(
            self,
            input=moved(self.input),
            target=moved(self.target),
            index=moved(self.index),
            unlabelled=moved(self.unlabelled),
        )
