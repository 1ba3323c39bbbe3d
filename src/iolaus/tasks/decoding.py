"""How texts are written with a model that says one token at a time: greedily, by beam search, or by chance.

`step(token, state) -> (logits, state)`: of the token before, (B,), and what the model keeps of those before it. Every
tensor of a state begins with the batch.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


def greedy(step: Step, state: Any, start: Tensor, *, end: int, pad: int, length: int) -> Tensor:
    """The likeliest token, then the likeliest after it, …: (B, M) with M ≤ length, closed by `end` where it came.

    start: (B,), the token before the first.
    """
    token, is_done = start, torch.zeros_like(start, dtype=torch.bool)
    written: list[Tensor] = []
    while len(written) < length and not bool(is_done.all()):
        logits, state = step(token, state)
        token = logits.argmax(-1).masked_fill(is_done, pad)
        is_done = is_done | (token == end)
        written.append(token)
    return torch.stack(written, 1)


def beam_search(
    step: Step,
    state: Any,
    start: Tensor,
    *,
    end: int,
    pad: int,
    length: int,
    num_beams: int,
    length_penalty: float = 0.0,
) -> Tensor:
    """The likeliest text among those that begin with one of the `num_beams` likeliest beginnings, at every length.

    length_penalty: scores are divided by the length to this power (Wu et al. 2016, arXiv:1609.08144, in its plain
        form): with 0 short texts have an advantage, with 1 the mean per token counts.
    """
    num = len(start)
    state = pick(state, torch.arange(num, device=start.device).repeat_interleave(num_beams))
    token = start.repeat_interleave(num_beams)  # (B·K,)
    score = torch.full((num, num_beams), -torch.inf, device=start.device)
    score[:, 0] = 0.0  # at first there is one beginning, and not K of them
    size = torch.zeros_like(score)
    is_done = torch.zeros_like(score, dtype=torch.bool)
    written = token.new_empty(num, num_beams, 0)
    while written.shape[2] < length and not bool(is_done.all()):
        logits, state = step(token, state)
        gain = logits.float().log_softmax(-1).unflatten(0, (num, num_beams))  # (B, K, V)
        stays = torch.full_like(gain[0, 0], -torch.inf)
        stays[pad] = 0.0  # a text that has ended goes on with padding, at no cost
        total = score.unsqueeze(2) + torch.where(is_done.unsqueeze(2), stays, gain)
        score, place = total.flatten(1).topk(num_beams)
        beam, chosen = place // gain.shape[2], place % gain.shape[2]  # (B, K)
        size, is_done = (size + ~is_done).gather(1, beam), is_done.gather(1, beam)
        written = torch.cat([written.gather(1, beam.unsqueeze(2).expand_as(written)), chosen.unsqueeze(2)], 2)
        is_done = is_done | (chosen == end)
        state = pick(state, (beam + num_beams * torch.arange(num, device=beam.device)[:, None]).flatten())
        token = chosen.flatten()
    best = (score / size**length_penalty).argmax(1)
    return written[torch.arange(num, device=best.device), best]


def sample(
    step: Step,
    state: Any,
    token: Tensor,
    *,
    end: int,
    pad: int,
    length: int,
    generator: torch.Generator,
    temperature: float = 1.0,
    num_likeliest: int | None = None,
    never: tuple[int, ...] = (),
) -> Tensor:
    """Tokens drawn by their probability: (B, M) with M ≤ length, closed by `end` where it was drawn.

    temperature: below 1 likelier tokens become likelier still (0: `greedy`). num_likeliest: draws among so many (Fan et
    al. 2018, arXiv:1805.04833). never: ids that are not drawn.
    """
    is_done = torch.zeros_like(token, dtype=torch.bool)
    written: list[Tensor] = []
    while len(written) < length and not bool(is_done.all()):
        logits, state = step(token, state)
        logits = logits.float() / temperature
        logits[:, list(never)] = -torch.inf
        if num_likeliest is not None:
            least = logits.topk(min(num_likeliest, logits.shape[1])).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        token = torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1).masked_fill(is_done, pad)
        is_done = is_done | (token == end)
        written.append(token)
    return torch.stack(written, 1)


def pick(state: Any, index: Tensor) -> Any:
    """The state of these members of the batch."""
    if isinstance(state, Tensor):
        return state.index_select(0, index)
    if isinstance(state, tuple):
        parts = [pick(part, index) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    return state
