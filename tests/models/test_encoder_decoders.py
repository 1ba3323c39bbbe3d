"""What every model promises that reads one text and writes another; the contract of those with one input, for two."""

import io
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from iolaus.models.seq2seq import Seq2Seq
from iolaus.spec import Sentence, Text
from tests.models.small import small
from tests.models.test_contract import BACKEND, COMPILERS, NAMES, load

B, L, M = 5, 9, 7
TEXT, SENTENCE = Text(40, 12), Sentence(40, 9)
WRITERS = [name for name in NAMES if Sentence in getattr(load(name)[0], "writes", ())]
every = pytest.mark.parametrize("name", WRITERS)


def build(name: str, *, seed: int = 0, dropout: bool = False, **options: Any) -> Any:
    target, defaults = load(name)
    chosen = defaults | small(name, defaults)
    if not dropout:
        chosen["dropout"] = 0.0
    torch.manual_seed(seed)
    return target(TEXT, SENTENCE, **chosen | options)


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Sources and the tokens before and of the answers, of several lengths."""
    chance = torch.Generator().manual_seed(0)
    source = torch.randint(5, 40, (B, L), generator=chance) * (
        torch.arange(L) < torch.tensor([[9], [1], [4], [9], [6]])
    )
    lengths = torch.tensor([[3], [7], [1], [5], [7]])
    target = torch.randint(5, 40, (B, M), generator=chance) * (torch.arange(M) < lengths)
    target = target.scatter(1, lengths - 1, 3)
    return source, torch.cat([torch.full((B, 1), 2), target[:, :-1]], 1), target


def loss_of(model: Any) -> Tensor:
    source, previous, target = batch()
    return F.cross_entropy(model(source, previous).flatten(0, 1), target.flatten(), ignore_index=0)


def trained(name: str, num_steps: int = 3, **options: Any) -> Any:
    model = build(name, **options)
    train(model, num_steps)
    return model.eval()


def train(model: Any, num_steps: int) -> list[float]:
    optimizer, losses = torch.optim.Adam(model.train().parameters(), lr=1e-2), []
    for _ in range(num_steps):
        loss = loss_of(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_there_are_two() -> None:
    assert set(WRITERS) >= {"t5", "seq2seq"}


@every
def test_forward_is_the_head_of_the_features(name: str) -> None:
    model, (source, previous, _) = trained(name), batch()
    output = model(source, previous)
    assert output.shape == (B, M, 40)
    torch.testing.assert_close(output, model.head(model.features(source, previous)))


@every
def test_stages_hold_every_parameter_once_and_end_with_the_head(name: str) -> None:
    model = build(name)
    stages = model.stages()
    assert stages[-1] is model.head
    in_stages = [id(parameter) for stage in stages for parameter in stage.parameters()]
    assert sorted(in_stages) == sorted(id(parameter) for parameter in model.parameters())


@every
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = trained(name).train()
    model.zero_grad()
    loss_of(model).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


@every
def test_the_seed_decides_everything(name: str) -> None:
    assert train(build(name, dropout=True), 3) == train(build(name, dropout=True), 3)
    assert train(build(name, dropout=True), 3) != train(build(name, dropout=True, seed=1), 3)


@every
def test_a_sample_is_answered_alike_in_any_company_and_with_any_padding(name: str) -> None:
    model, (source, previous, _) = trained(name), batch()
    together = model(source, previous)
    torch.testing.assert_close(model(F.pad(source, (0, 3)), F.pad(previous, (0, 2)))[:, :M], together)
    for number in range(B):
        alone = source[number, source[number] != 0][None]
        torch.testing.assert_close(model(alone, previous[number][None])[0], together[number], rtol=1e-4, atol=1e-5)
    empty = source.clone()
    empty[0] = 0
    assert model(empty, previous).isfinite().all()
    torch.testing.assert_close(model(empty, previous)[1:], together[1:])


@every
def test_no_word_sees_those_after_it_and_all_see_the_source(name: str) -> None:
    model, (source, previous, _) = trained(name), batch()
    said = model(source, previous)
    for place in range(M - 1):
        changed = previous.clone()
        changed[:, place + 1 :] = 5 + (previous[:, place + 1 :] + 3) % 35
        torch.testing.assert_close(model(source, changed)[:, : place + 1], said[:, : place + 1])
    other = source.clone()
    other[:, 0] = 5 + (source[:, 0] - 4) % 35
    assert ((model(other, previous) - said).abs().amax(2) > 1e-6).all()


@every
@pytest.mark.parametrize("num_layers", [1, 3])
def test_token_by_token_says_the_same_as_all_at_once(name: str, num_layers: int) -> None:
    model, (source, previous, _) = trained(name, num_layers=num_layers), batch()
    state, said = model.begin(source), []
    for token in previous.unbind(1):
        logits, state = model.step(token, state)
        said.append(logits)
    torch.testing.assert_close(torch.stack(said, 1), model(source, previous))


@every
def test_overfits_one_batch(name: str) -> None:
    losses = train(build(name), 100)
    assert min(losses) < 0.1 * losses[0]


@every
def test_comes_back_from_its_weights(name: str) -> None:
    model, file = trained(name), io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = build(name, seed=1).eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    source, previous, _ = batch()
    assert torch.equal(other(source, previous), model(source, previous))


@every
@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_compiles(name: str) -> None:
    torch.compiler.reset()
    model, compiled = trained(name), trained(name)
    compiled.compile(backend=BACKEND, **COMPILERS[BACKEND])
    for each in (model, compiled):
        loss_of(each).backward()
    torch.testing.assert_close(compiled(*batch()[:2]), model(*batch()[:2]))
    for one, two in zip(model.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad)


@every
def test_can_be_tried_without_memory(name: str) -> None:
    source, previous, _ = batch()
    with torch.device("meta"):
        output = build(name)(source.to("meta"), previous.to("meta"))
    assert output.is_meta
    assert output.shape == (B, M, 40)


@every
def test_half_precision_is_close(name: str) -> None:
    model, (source, previous, _) = trained(name), batch()
    expected = model(source, previous)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(source, previous)
    torch.testing.assert_close(output.float(), expected, rtol=0.05, atol=0.05 * expected.abs().max().item())


@pytest.mark.parametrize(
    "options", [{"is_gated": True, "activation": "gelu_tanh"}, {"head_dim": 5}, {"is_tied": False}]
)
def test_t5_has_the_later_versions_parts(options: dict[str, Any]) -> None:
    losses = train(build("t5", **options), 30)
    assert losses[-1] < 0.7 * losses[0]


def test_without_attention_one_vector_is_all_there_is() -> None:
    torch.manual_seed(0)
    model = Seq2Seq(TEXT, SENTENCE, dim=16, attention=False).eval()
    assert model.decoder.attention is None
    memory, mask = torch.randn(2, 6, 16), torch.ones(2, 6, dtype=torch.bool)
    state = model.decoder.begin(memory, mask)
    shuffled = model.decoder.begin(memory[:, torch.randperm(6)], mask)
    word = torch.randn(2, 16)
    torch.testing.assert_close(model.decoder(word, state)[0], model.decoder(word, shuffled)[0])
