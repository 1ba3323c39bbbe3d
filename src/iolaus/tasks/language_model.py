"""Language modelling: at every place of a text, which token comes next."""

from typing import Any

import torch
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.tasks.decoding import sample
from iolaus.tasks.self_supervised import SelfSupervised
from iolaus.tasks.task import Decode

_MAX_DRAWN = 60  # tokens


class LanguageModel(SelfSupervised):
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

    @torch.no_grad()
    def answer(self, x: Tensor, decode: Decode) -> dict[str, Any]:
        """Goes on where the text ends: drawn among the likeliest tokens, the same ones every time."""
        model: Any = self.model
        ids = self.vocabulary
        limit = model.embedding.num_tokens
        prompt = x[:, : (x[0] != ids.end).sum()][:, -(limit // 2) :]
        start = x.new_full((1, 1), ids.start)
        state, *read = None, *torch.cat([start[:, : int(prompt[0, 0] != ids.start)], prompt], 1).unbind(1)
        for token in read[:-1]:
            _, state = model.step(token, state)
        drawn = sample(
            model.step,
            state,
            read[-1],
            end=ids.end,
            pad=ids.pad,
            length=min(_MAX_DRAWN, limit - len(read)),
            generator=torch.Generator(x.device).manual_seed(0),
            temperature=0.8,
            num_likeliest=40,
            never=(ids.pad, ids.start),
        )
        return {"text": decode(prompt[0]), "continuation": decode(drawn[0])}

    def question(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Where texts are not framed, the start is put before them here."""
        x, start = batch.input, self.vocabulary.start
        if bool((x[:, 0] == start).all()):
            return x[:, :-1], x[:, 1:]
        return torch.cat([torch.full_like(x[:, :1], start), x[:, :-1]], dim=1), x
