"""What language modelling shares: the tokens that are asked for are those of the text itself."""

import warnings
from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.layers.adaptive_softmax import AdaptiveHead
from iolaus.layers.features import Features
from iolaus.spec import Classes, Input, Softmax, Target, Text, Unlabelled, Vocabulary
from iolaus.tasks.tokens import TokenTask, is_log_likelihood


class SelfSupervised(TokenTask):
    """Predicts tokens of the text itself, so labels are not asked for.

    softmax: over all tokens at once (full), or first over frequent ones and groups of rare ones (adaptive).
    """

    reads: ClassVar[tuple[type, ...]] = (Text,)
    wants: ClassVar[tuple[type, ...]] = (Classes, Unlabelled)

    @classmethod
    def targets(
        cls,
        input: Input,
        target: Target,  # noqa: ARG003
        *,
        softmax: Softmax = "full",
        **options: Any,  # noqa: ARG003
    ) -> tuple[Input, Target]:
        assert isinstance(input, Text)
        return input, Vocabulary(input.vocab_size, input.pad, input.start, input.end, input.mask, softmax)

    def __init__(self, model: nn.Module, target: Vocabulary, *parts: Any, softmax: Softmax = "full") -> None:
        super().__init__(model, target, *parts)
        assert softmax == target.softmax
        self.vocabulary = target
        self.examine(model)
        if softmax == "adaptive":
            self._warn_of_what_is_not_adaptive()

    def _warn_of_what_is_not_adaptive(self) -> None:
        if not isinstance(self.model.head, AdaptiveHead):
            warnings.warn(
                "task.softmax=adaptive has no effect on this model, which scores tokens by their own vectors.",
                stacklevel=2,
            )
        elif not is_log_likelihood(self.loss):
            warnings.warn(
                "task.softmax=adaptive saves no time with this loss, which asks for every token's probability: type "
                "loss=cross_entropy.",
                stacklevel=2,
            )

    @abstractmethod
    def question(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the model reads, and the token it should name at each place, (B, L) both; padding where it need not."""

    def read(self, batch: Batch) -> tuple[Features, Tensor]:
        x, target = self.question(batch)
        model: Any = self.model
        return model.features(x), target
