"""Masked language modelling: which tokens were hidden."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.chance import generator_of
from iolaus.ranges import Fraction
from iolaus.spec import Softmax, Vocabulary
from iolaus.tasks.self_supervised import SelfSupervised
from iolaus.tasks.task import Decode

_HIDDEN, _REPLACED = 0.8, 0.1  # of those that are asked for; the rest stays as it is


class MaskedLanguageModel(SelfSupervised):
    """Predicts tokens that were hidden, from what stands on either side of them (Devlin et al. 2019, arXiv:1810.04805).

    share: of the tokens that are asked for. 80 % of these are hidden, 10 % replaced by any other, 10 % left, so that
        the model has to have an opinion on every token, also where nothing is hidden.
    """

    def __init__(
        self,
        model: nn.Module,
        target: Vocabulary,
        *parts: Any,
        share: Fraction = 0.15,
        softmax: Softmax = "full",
    ) -> None:
        if target.mask is None:
            raise ValueError("task=masked_language_model: this vocabulary has no token for what is hidden.")
        super().__init__(model, target, *parts, softmax=softmax)
        self.share = share

    @classmethod
    def examine(cls, model: nn.Module) -> None:
        if getattr(model, "is_causal", False):
            raise ValueError(
                "task=masked_language_model asks for words from both sides, but this model sees only those before: "
                "type model=bert, or task=language_model."
            )

    @torch.no_grad()
    def answer(self, x: Tensor, decode: Decode) -> dict[str, Any]:
        """Hides one token after the other: how well the text was to be expected, and which token was the least."""
        ids = self.vocabulary
        assert ids.mask is not None
        places = (~torch.isin(x[0], x.new_tensor([ids.pad, ids.start, ids.end]))).nonzero().squeeze(1)  # (T,)
        number = torch.arange(len(places), device=x.device)
        hidden = x.repeat(len(places), 1)
        hidden[number, places] = ids.mask
        likely = self.model(hidden)[number, places].float().log_softmax(-1)  # (T, V)
        surprise = -likely.gather(1, x[0, places, None]).squeeze(1)
        least = int(surprise.argmax())
        return {
            "text": decode(x[0]),
            "perplexity": round(math.exp(surprise.mean().item()), 3),
            "least_expected": decode(x[0, places[least], None]),
            "expected_instead": decode(likely[least].argmax()[None]),
        }

    def question(self, batch: Batch) -> tuple[Tensor, Tensor]:
        generator = generator_of(batch.input.device)  # set to the batch's seed before this step
        if batch.seed is None:
            # In evaluation the same places are hidden every time.
            generator = torch.Generator(batch.input.device).manual_seed(int(batch.index[0]))
        return hide(batch.input, self.vocabulary, self.share, generator)


def hide(x: Tensor, vocabulary: Vocabulary, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Token ids (B, L) → the same with some hidden or replaced, and the tokens that are asked for, padding elsewhere.

    At least one token of a batch is asked for; padding, start and end never are.
    """
    assert vocabulary.mask is not None
    unasked = torch.tensor([vocabulary.pad, vocabulary.start, vocabulary.end], device=x.device)
    draw, fate = torch.rand((2, *x.shape), generator=generator, device=x.device)
    draw = draw.masked_fill(torch.isin(x, unasked), 2.0)
    is_asked = draw <= draw.min().clamp(min=share, max=1.0)
    others = torch.randint(vocabulary.size, x.shape, generator=generator, device=x.device)
    others = others.masked_fill(torch.isin(others, unasked), vocabulary.mask)
    read = x.masked_fill(is_asked & (fate < _HIDDEN), vocabulary.mask)
    is_replaced = is_asked & (fate >= _HIDDEN) & (fate < _HIDDEN + _REPLACED)
    return torch.where(is_replaced, others, read), torch.where(is_asked, x, vocabulary.pad)
