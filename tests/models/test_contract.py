"""What every architecture promises, on every kind of data that it reads. The list is what conf/model holds."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from hydra.utils import get_object
from torch import Tensor, nn

from iolaus.layers.auxiliary import auxiliaries_of
from iolaus.layers.heads import head
from iolaus.losses import SupervisedContrastive
from iolaus.spec import Classes, Forecast, Image, Input, Mask, Number, Series, Target, Text, Vector, Vocabulary
from iolaus.training.trainer import INDUCTOR
from tests.models.small import small

CONF = Path(__file__).resolve().parents[2] / "conf" / "model"

CLASSES = Classes(("a", "b", "c"))
KINDS: list[tuple[Input, Target]] = [
    (Image(3, 8, 12), CLASSES),
    (Image(3, 8, 12), Vector(4, CLASSES.names)),
    (Image(3, 8, 12), Mask(CLASSES.names)),
    (Text(40, 12), CLASSES),
    (Text(40, 12), Number("stars")),
    (Text(40, 12), Vector(4, CLASSES.names)),
    (Text(40, 12), Vocabulary(40)),
    (Series(2, 32), CLASSES),
    (Series(2, 32), Forecast(2, 4)),
]
LARGE: dict[type, tuple[Input, tuple[int, ...], torch.dtype]] = {
    Image: (Image(3, 224, 224), (3, 224, 224), torch.float32),
    Text: (Text(30_522, 128), (128,), torch.long),
    Series: (Series(7, 336), (336, 7), torch.float32),
}
LOSSES: dict[type, Callable[[Tensor, Tensor], Tensor]] = {
    Forecast: F.mse_loss,
    Number: F.mse_loss,
    Vector: SupervisedContrastive(),
}
B = 6
COMPILERS: dict[str, dict[str, Any]] = {
    "aot_eager": {},
    "inductor": {"options": INDUCTOR},  # as a run has it: it writes C++, and takes minutes
}
BACKEND = os.environ.get("IOLAUS_COMPILER", "aot_eager")


@dataclass(frozen=True)
class Case:
    name: str
    input: Input
    target: Target

    def __str__(self) -> str:
        return f"{self.name}-{type(self.input).__name__}-{type(self.target).__name__}"

    def build(self, *, seed: int = 0, dropout: bool = False, **options: Any) -> nn.Module:
        """The model as its yaml has it, but small."""
        target, defaults = load(self.name)
        chosen = defaults | small(self.name, defaults)
        if not dropout:
            chosen |= dict.fromkeys((key for key in defaults if key.endswith(("dropout", "drop_path"))), 0.0)
        torch.manual_seed(seed)
        return target(self.input, self.target, **chosen | options)

    def x(self) -> Tensor:
        """A batch of inputs; texts of several lengths."""
        chance = torch.Generator().manual_seed(1)
        if isinstance(self.input, Image):
            return torch.randn(B, self.input.channels, self.input.height, self.input.width, generator=chance)
        if isinstance(self.input, Series):
            return torch.randn(B, self.input.length, self.input.channels, generator=chance) * 2 + 5
        tokens = torch.randint(1, self.input.vocab_size, (B, 9), generator=chance)
        return tokens.where(torch.arange(9) < torch.tensor([9, 1, 2, 4, 9, 6]).unsqueeze(1), self.input.pad)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output."""
        return {
            Classes: (B, 3),
            Number: (B,),
            Vector: (B, 4),
            Mask: (B, 3, 8, 12),
            Vocabulary: (B, 9, 40),
            Forecast: (B, 4, 2),
        }[type(self.target)]

    def y(self) -> Tensor:
        chance = torch.Generator().manual_seed(2)
        if isinstance(self.target, Classes | Vector):
            return torch.arange(B) % len(self.target.names)
        if isinstance(self.target, Mask):
            return torch.randint(len(self.target.names), (B, *self.shape[2:]), generator=chance)
        if isinstance(self.target, Number):
            return torch.randn(B, generator=chance)
        if isinstance(self.target, Vocabulary):
            return self.x()[self.x() != self.target.pad]
        return torch.randn(B, self.target.horizon, self.target.channels, generator=chance) + 5

    def answers(self, output: Tensor, x: Tensor | None = None) -> Tensor:
        """What counts of the output: where every token has an answer, those of real tokens, one behind the other."""
        if not isinstance(self.target, Vocabulary):
            return output
        return output[(self.x() if x is None else x) != self.target.pad]

    def loss(self, model: nn.Module, x: Tensor | None = None) -> Tensor:
        """What training makes small: the loss of the answer to x (else `x()`), and those of auxiliary answers."""
        loss = LOSSES.get(type(self.target), F.cross_entropy)
        total = loss(self.answers(model(self.x() if x is None else x), x), self.y())
        for auxiliary in auxiliaries_of(model):
            answer = auxiliary.take()
            if answer is not None:
                total = total + auxiliary.weight * loss(answer, self.y())
        return total

    def train(self, model: nn.Module, num_steps: int) -> Iterator[float]:
        rate = 2e-3 if isinstance(self.target, Vector) else 1e-2  # faster, all vectors may fall together at first
        optimizer = torch.optim.Adam(model.train().parameters(), lr=rate)
        for _ in range(num_steps):
            loss = self.loss(model)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()

    def trained(self, num_steps: int = 3) -> nn.Module:
        """In evaluation mode, after a few steps: nothing has its first value any more, zeros least of all."""
        model = self.build()
        if self in LEARNERS:
            list(self.train(model, num_steps))
        return model.eval()


def load(name: str) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
    options = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    options.pop("defaults", None)
    return get_object(options.pop("_target_")), options


NAMES = sorted(file.stem for file in CONF.glob("*.yaml"))


def suits(model: Any, input: Input, target: Target) -> bool:
    return isinstance(input, model.reads) and type(target) in getattr(model, "writes", head.registry)


CASES = [Case(name, *kind) for name in NAMES for kind in KINDS if suits(load(name)[0], *kind)]
LEARNERS = [case for case in CASES if any(True for _ in case.build().parameters())]  # not the naive forecasts
every = pytest.mark.parametrize("case", CASES, ids=str)
learners = pytest.mark.parametrize("case", LEARNERS, ids=str)
ONE_OF_EACH_KIND = list({(case.name, type(case.input)): case for case in reversed(LEARNERS)}.values())
one_of_each_kind = pytest.mark.parametrize("case", ONE_OF_EACH_KIND, ids=str)
texts = pytest.mark.parametrize("case", [case for case in CASES if isinstance(case.input, Text)], ids=str)


def test_the_list_is_not_empty() -> None:
    assert len(NAMES) >= 9
    assert len(CASES) >= 26


@every
def test_output_is_finite_and_of_the_targets_shape(case: Case) -> None:
    output = case.build(dropout=True)(case.x())
    assert output.shape == case.shape
    assert output.dtype == torch.float32
    assert output.isfinite().all()


@every
def test_forward_is_the_head_of_the_features(case: Case) -> None:
    model = case.trained()
    features = model.features(case.x())
    assert features.values.ndim in (3, 4)
    torch.testing.assert_close(model(case.x()), model.head(features))


@learners
def test_stages_hold_every_parameter_once_and_end_with_the_head(case: Case) -> None:
    model = case.build()
    stages = model.stages()
    assert stages[-1] is model.head
    in_stages = [id(parameter) for stage in stages for parameter in stage.parameters()]
    assert sorted(in_stages) == sorted(id(parameter) for parameter in model.parameters())
    first = {id(parameter) for parameter in stages[0].parameters()}
    assert id(next(model.parameters())) in first


@learners
def test_every_parameter_gets_a_gradient(case: Case) -> None:
    model = case.trained().train()
    model.zero_grad()
    case.loss(model).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A bias on all keys alike shifts every score of a query alike, which softmax does not see.
        assert name.endswith("attention.key.bias") or parameter.grad.abs().max() > 0, name


@learners
def test_the_seed_decides_everything(case: Case) -> None:
    def losses(seed: int) -> list[float]:
        return list(case.train(case.build(seed=seed, dropout=True), num_steps=3))

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


@every
def test_a_sample_is_answered_alike_in_any_company(case: Case) -> None:
    model, x = case.trained(), case.x()
    singles = []
    for sample in x:
        length = len(sample) if not isinstance(case.input, Text) else int((sample != case.input.pad).sum())
        single = sample[None] if not isinstance(case.input, Text) else sample[None, :length]
        singles.append(case.answers(model(single), single))
    torch.testing.assert_close(case.answers(model(x)), torch.cat(singles), rtol=1e-4, atol=1e-5)


@texts
def test_padding_changes_neither_answers_nor_what_is_learned(case: Case) -> None:
    longer = F.pad(case.x(), (0, 3), value=case.input.pad)
    model, other = case.build(), case.build()
    for each, x in ((model, case.x()), (other, longer)):
        case.loss(each, x).backward()
    torch.testing.assert_close(case.answers(other(longer), longer), case.answers(model(case.x())))
    close = 4e-5 if isinstance(case.target, Vector) else 4e-6  # its loss divides by a temperature
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(
            two.grad, one.grad, rtol=1e-4, atol=close, msg=lambda text, name=name: f"{name}: {text}"
        )


@texts
def test_an_empty_text_is_answered_and_bothers_nobody(case: Case) -> None:
    model, x = case.trained(), case.x()
    empty = x.clone()
    empty[0] = case.input.pad
    output = model(empty)
    assert output.isfinite().all()
    torch.testing.assert_close(case.answers(output[1:], x[1:]), case.answers(model(x)[1:], x[1:]))
    torch.testing.assert_close(case.answers(output[:1], empty[:1]), case.answers(model(empty[:1, :1]), empty[:1, :1]))
    output.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)


@learners
def test_overfits_one_batch(case: Case) -> None:
    losses = case.train(case.build(), num_steps=100)
    first = next(losses)
    assert any(loss < 0.1 * first for loss in losses)


@every
def test_comes_back_from_its_weights(case: Case) -> None:
    model, file = case.trained(), io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = case.build(seed=1).eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(case.x()), model(case.x()))


@one_of_each_kind  # it takes seconds, and heads differ by little
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's compiler looks at it, and knows
def test_compiles(case: Case) -> None:
    torch.compiler.reset()
    model, compiled = case.trained(), case.trained()
    compiled.compile(backend=BACKEND, **COMPILERS[BACKEND])
    for each in (model, compiled):
        case.loss(each).backward()
    torch.testing.assert_close(compiled(case.x()), model(case.x()))
    for one, two in zip(model.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad)


@pytest.mark.parametrize("target", [Number("stars"), Vector(4, CLASSES.names)], ids=["number", "vector"])
@pytest.mark.parametrize("name", [name for name in NAMES if suits(load(name)[0], Image(3, 8, 12), Number("stars"))])
def test_pictures_lead_to_numbers_and_vectors_too(name: str, target: Target) -> None:
    case = Case(name, Image(3, 8, 12), target)
    model = case.build()
    assert model(case.x()).shape == case.shape
    case.loss(model).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@every
def test_can_be_tried_without_memory(case: Case) -> None:
    with torch.device("meta"):
        model = case.build()
        output = model(case.x().to("meta"))
    assert output.is_meta
    assert output.shape == case.build()(case.x()).shape


@pytest.mark.parametrize(
    "case",
    [case for case in ONE_OF_EACH_KIND if not case.name.startswith("scratch")],  # NumPy always takes memory
    ids=str,
)
@pytest.mark.filterwarnings("ignore:.*the last token sees")  # a tcn of its yaml's depth, of many patches
def test_can_be_tried_without_memory_as_large_as_its_yaml_has_it(case: Case) -> None:
    model, options = load(case.name)
    input, shape, dtype = LARGE[type(case.input)]
    target = Forecast(7, 96) if isinstance(case.target, Forecast) else case.target
    with torch.device("meta"):
        output = model(input, target, **options)(torch.empty(2, *shape, dtype=dtype))
    assert output.is_meta
    assert output.shape[0] == 2


@every
def test_half_precision_is_close(case: Case) -> None:
    model, x = case.trained(), case.x()
    expected = model(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(x)
    torch.testing.assert_close(output.float(), expected, rtol=0.05, atol=0.05 * expected.abs().max().item())
