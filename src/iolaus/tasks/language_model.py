"""Language modelling: at every place of a text, which token comes next."""

import torch
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.tasks.tokens import TokenTask


class LanguageModel(TokenTask):
    """Predicts each token from those before it (Bengio et al. 2003, "A neural probabilistic language model").

    The first token of a text is predicted too, from the token for its start.
    """

    @classmethod
    def examine(cls, model: nn.Module) -> None:
        if not getattr(model, "is_causal", False):
            raise ValueError(
                "task=language_model needs a model that cannot see what comes next: type model=gpt, or model=lstm "
                "model.bidirectional=false; or task=masked_language_model."
            )

    def question(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Where texts are not framed, the start is put before them here."""
        x, start = batch.input, self.vocabulary.start
        if bool((x[:, 0] == start).all()):
            return x[:, :-1], x[:, 1:]
        return torch.cat([torch.full_like(x[:, :1], start), x[:, :-1]], dim=1), x
