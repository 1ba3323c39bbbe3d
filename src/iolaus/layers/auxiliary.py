"""Auxiliary classifiers: heads on the way through a network, which bring gradients to its middle.

Szegedy et al. 2015, arXiv:1409.4842. A network has them as layers that pass their input on; whoever computes the loss
takes their answers.
"""

from typing import Any

from torch import Tensor, nn

from iolaus.layers.features import Features


class Auxiliary(nn.Module):
    """Passes x on as it is. In training, `head` answers from it too, and the answer waits until it is taken.

    weight: of this answer's loss beside the network's own.
    """

    def __init__(self, head: nn.Module, *, weight: float) -> None:
        super().__init__()
        self.head = head
        self.weight = weight
        self._answer: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self._answer = self.head(Features(x))
        return x

    def take(self) -> Tensor | None:
        """What the head said of the last training batch; once only, so that no graph outlives its step."""
        answer, self._answer = self._answer, None
        return answer

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_answer": None}  # a copy takes no graph along


def auxiliaries_of(model: nn.Module) -> list[Auxiliary]:
    return [module for module in model.modules() if isinstance(module, Auxiliary)]
