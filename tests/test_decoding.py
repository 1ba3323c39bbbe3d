"""Decoding against all texts that there are, on models so small that they can be counted."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from iolaus.models.gpt import GPT
from iolaus.models.seq2seq import Seq2Seq
from iolaus.spec import Sentence, Text, Vocabulary
from iolaus.tasks.decoding import beam_search, greedy, pick, sample

PAD, END, V, LENGTH = 0, 3, 5, 4
OPTIONS: dict[str, Any] = {"end": END, "pad": PAD, "length": LENGTH}


class Markov:
    """The next token depends on the one before and on the place; the state is the place, one for each text."""

    def __init__(self, seed: int) -> None:
        self.logits = torch.randn(3, LENGTH, V, V, generator=torch.Generator().manual_seed(seed)) * 2
        self.logits[..., PAD] = -torch.inf  # a real model has learned that it is never asked for

    def step(self, token: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        which, place = state
        return self.logits[which, place, token], (which, place + 1)

    def begin(self, num: int) -> tuple[Tensor, Tensor]:
        return torch.arange(num), torch.zeros(num, dtype=torch.long)

    def best(self, which: int, length_penalty: float) -> list[int]:
        """By trying all texts."""
        scores = {}
        for size in range(1, LENGTH + 1):
            for text in itertools.product(range(1, V), repeat=size):
                if END in text[:-1] or (text[-1] != END and size < LENGTH):
                    continue
                gains = [
                    self.logits[which, place, before].log_softmax(0)[token].item()
                    for place, (before, token) in enumerate(itertools.pairwise([2, *text]))
                ]
                scores[text] = sum(gains) / size**length_penalty
        return list(max(scores, key=lambda text: scores[text]))


def plain(row: Tensor) -> list[int]:
    return [number for number in row.tolist() if number != PAD]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_search_that_keeps_everything_finds_the_likeliest(seed: int, length_penalty: float) -> None:
    model = Markov(seed)
    start = torch.full((3,), 2)
    found = beam_search(model.step, model.begin(3), start, num_beams=400, length_penalty=length_penalty, **OPTIONS)
    assert [plain(row) for row in found] == [model.best(which, length_penalty) for which in range(3)]


@pytest.mark.parametrize("seed", range(5))
def test_one_beam_is_greedy_and_more_are_never_less_likely(seed: int) -> None:
    model, start = Markov(seed), torch.full((3,), 2)

    def score(row: list[int], which: int) -> float:
        before = [2, *row[:-1]]
        return sum(model.logits[which, n, before[n]].log_softmax(0)[row[n]].item() for n in range(len(row)))

    alone = [plain(row) for row in greedy(model.step, model.begin(3), start, **OPTIONS)]
    beams = [plain(row) for row in beam_search(model.step, model.begin(3), start, num_beams=1, **OPTIONS)]
    assert alone == beams
    many = [plain(row) for row in beam_search(model.step, model.begin(3), start, num_beams=50, **OPTIONS)]
    assert all(score(many[n], n) >= score(alone[n], n) - 1e-5 for n in range(3))


def test_texts_end_and_stay_ended() -> None:
    model, start = Markov(0), torch.full((3,), 2)
    for written in (
        greedy(model.step, model.begin(3), start, **OPTIONS),
        beam_search(model.step, model.begin(3), start, num_beams=3, **OPTIONS),
        sample(model.step, model.begin(3), start, generator=torch.Generator().manual_seed(0), **OPTIONS),
    ):
        assert written.shape[1] <= LENGTH
        for row in written.tolist():
            after = row[row.index(END) + 1 :] if END in row else []
            assert set(after) <= {PAD}
            assert PAD not in row[: row.index(END)] if END in row else True


def test_a_models_state_follows_its_beams() -> None:
    """Searched one by one or together, by models whose state is caches or hidden vectors."""
    torch.manual_seed(0)
    writer = Seq2Seq(Text(9, 6), Sentence(9, 5), dim=8).eval()
    source = torch.randint(5, 9, (4, 6))
    start = torch.full((4,), 2)
    options: dict[str, Any] = {"num_beams": 3, "end": END, "pad": PAD, "length": 5, "length_penalty": 0.5}
    with torch.no_grad():
        together = beam_search(writer.step, writer.begin(source), start, **options)
        for number in range(4):
            one = slice(number, number + 1)
            alone = beam_search(writer.step, writer.begin(source[one]), start[one], **options)
            assert plain(alone[0]) == plain(together[number])
        gpt = GPT(Text(9, 6), Vocabulary(9), dim=8, num_layers=2, num_heads=2).eval()
        found = beam_search(gpt.step, None, start, **options | {"num_beams": 9**3, "length": 3})
    assert (found == found[0]).all()


def test_samples_follow_the_probabilities() -> None:
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    num = 20_000

    def step(token: Tensor, state: None) -> tuple[Tensor, None]:
        return logits.expand(len(token), -1).clone(), state

    def shares(**options: Any) -> list[float]:
        generator = torch.Generator().manual_seed(0)
        start = torch.zeros(num, dtype=torch.long)
        drawn = sample(step, None, start, end=9, pad=9, length=1, generator=generator, **options)
        return (drawn.flatten().bincount(minlength=3) / num).tolist()

    assert shares() == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    assert shares(num_likeliest=2) == pytest.approx([5 / 8, 3 / 8, 0], abs=0.02)
    assert shares(never=(0,)) == pytest.approx([0, 0.6, 0.4], abs=0.02)
    assert shares(temperature=0.5) == pytest.approx([25 / 38, 9 / 38, 4 / 38], abs=0.02)


def test_picking_reaches_all_of_a_state() -> None:
    state = (3, torch.arange(4), (torch.arange(8).view(4, 2), None))
    place, one, (two, nothing) = pick(state, torch.tensor([2, 2]))
    assert (place, one.tolist(), two.tolist(), nothing) == (3, [2, 2], [[4, 5], [4, 5]], None)
