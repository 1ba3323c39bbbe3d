"""Models that read from left to right: none sees what comes next, and a token at a time says the same as all at
once."""

from typing import Any

import pytest
import torch

from iolaus.layers.positions import AttentionPositions
from iolaus.models.bert import BERT
from iolaus.models.gpt import GPT
from iolaus.spec import Classes, Text, Vocabulary
from tests.models.test_contract import CASES, Case

B, L = 4, 9


def causal(case: Case, **options: Any) -> Any:
    if case.name in ("rnn", "lstm", "gru"):
        options |= {"bidirectional": False}
    return case.build(**options).eval()


READERS = [
    case
    for case in CASES
    if isinstance(case.input, Text) and isinstance(case.target, Vocabulary) and hasattr(causal(case), "step")
]
each = pytest.mark.parametrize("case", READERS, ids=str)


def test_there_are_several() -> None:
    assert {case.name for case in READERS} >= {"gpt", "rnn", "lstm", "gru"}


@each
def test_no_token_sees_those_after_it(case: Case) -> None:
    model = causal(case)
    assert model.is_causal
    x = torch.randint(5, 40, (B, L), generator=torch.Generator().manual_seed(0))
    for place in range(L - 1):
        changed = x.clone()
        changed[:, place + 1 :] = 5 + (x[:, place + 1 :] - 4) % 35
        torch.testing.assert_close(model(changed)[:, : place + 1], model(x)[:, : place + 1])
    assert not torch.allclose(model(changed)[:, -1], model(x)[:, -1])


@each
def test_token_by_token_says_the_same_as_all_at_once(case: Case) -> None:
    model, state, said = causal(case, num_layers=2), None, []
    x = torch.randint(5, 40, (B, L), generator=torch.Generator().manual_seed(0))
    for token in x.unbind(1):
        logits, state = model.step(token, state)
        said.append(logits)
    torch.testing.assert_close(torch.stack(said, 1), model(x))


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "relative", "none"])
def test_gpt_steps_with_all_positions(positions: AttentionPositions) -> None:
    torch.manual_seed(0)
    model = GPT(Text(40, 12), Vocabulary(40), dim=16, num_heads=2, num_layers=1, positions=positions).eval()
    if model.relative is not None:
        torch.nn.init.normal_(model.relative.table.weight)
    x, state = torch.randint(5, 40, (B, L)), None
    for place in range(L):
        logits, state = model.step(x[:, place], state)
        torch.testing.assert_close(logits, model(x[:, : place + 1])[:, -1])
    shuffled = model(x[:, [1, 0, *range(2, L)]])[:, -1]
    assert torch.allclose(shuffled, model(x)[:, -1], atol=1e-5) == (positions == "none")


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_words_beyond_the_last_position_are_refused(positions: Any) -> None:
    model = GPT(Text(40, 4), Vocabulary(40), dim=16, num_heads=2, num_layers=1, positions=positions).eval()
    state = None
    for _ in range(4):
        _, state = model.step(torch.tensor([7]), state)
    for call in (lambda: model.step(torch.tensor([7]), state), lambda: model(torch.ones(1, 5, dtype=torch.long))):
        with pytest.raises(AssertionError, match="more tokens than this was built for"):
            call()


def test_two_directions_are_not_causal() -> None:
    assert not next(case for case in READERS if case.name == "lstm").build().is_causal  # type: ignore[attr-defined]


def test_bert_reads_the_first_token_where_texts_have_one_for_their_start() -> None:
    torch.manual_seed(0)
    x = torch.randint(5, 40, (2, 6))
    for framed in (True, False):
        model = BERT(Text(40, 6, framed=framed), Classes(("a", "b")), dim=16, num_layers=1, num_heads=2).eval()
        values = torch.randn(2, 6, 16)
        features = model.features(x).with_values(values)
        changed = features.with_values(torch.cat([values[:, :1], torch.randn(2, 5, 16)], 1))
        assert torch.allclose(model.head(features), model.head(changed)) == framed
