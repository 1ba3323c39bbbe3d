"""Every choice of every option works, on every kind that the model reads; what has no effect is said to have none."""

import inspect
import warnings
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from iolaus.layers.attention import MultiHead
from iolaus.models.bert import BERT
from iolaus.models.gpt import GPT
from iolaus.models.rnn import LSTM
from iolaus.models.t5 import T5
from iolaus.models.textcnn import TextCNN
from iolaus.models.transformer import Transformer
from iolaus.spec import Classes, Image, Sentence, Series, Text
from tests.models.test_contract import CASES, CLASSES, LEARNERS, NAMES, B, Case, load


def choices(annotation: Any) -> Iterator[Any]:
    """What an option can be, where that is a short list."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif annotation is bool:
        yield from (False, True)
    else:
        for part in get_args(annotation):
            if get_origin(part) is Literal or part is bool:
                yield from choices(part)


def alternatives() -> Iterator[tuple[Case, str, Any]]:
    for case in CASES:
        for name, parameter in inspect.signature(load(case.name)[0]).parameters.items():
            for value in choices(parameter.annotation):
                if value != parameter.default:
                    yield case, name, value


@pytest.mark.parametrize("case", LEARNERS, ids=str)
def test_every_choice_of_every_option_answers_and_learns(case: Case) -> None:
    tried = 0
    for other, name, value in alternatives():
        is_deep = name == "depth" and value > 20
        if other is not case or (is_deep and not isinstance(case.target, Classes)):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of options without effect
            try:
                if is_deep:  # it would take long: their shapes alone, and for classes
                    with torch.device("meta"):
                        assert case.build(**{name: value})(case.x().to("meta")).shape == case.shape
                    continue
                model = case.build(**{name: value})
                case.loss(model).backward()
            except ValueError as error:  # pictures can be too small for it
                assert str(error).startswith(f"model.{name}={value} "), error  # noqa: PT017
                continue
        assert model(case.x()).isfinite().all(), f"{name}={value}"
        assert all(parameter.grad is not None for parameter in model.parameters()), f"{name}={value}"
        tried += 1
    assert tried > 0


@pytest.mark.parametrize("name", sorted({case.name for case in CASES if "num_layers" in load(case.name)[1]}))
@pytest.mark.parametrize("num_layers", [1, 3])
def test_layers_can_be_counted(name: str, num_layers: int) -> None:
    case = next(case for case in CASES if case.name == name)
    fewer, more = (sum(p.numel() for p in case.build(num_layers=n).parameters()) for n in (num_layers, num_layers + 1))
    assert fewer < more
    assert case.build(num_layers=num_layers)(case.x()).shape == case.shape


@pytest.mark.parametrize("name", ["textcnn", "resnet9", "unet"])
def test_spatial_dropout_drops_in_training_alone(name: str) -> None:
    for case in (case for case in CASES if case.name == name):
        model, x = case.build(spatial_dropout=0.5), case.x()
        torch.testing.assert_close(model.eval()(x), case.build().eval()(x))
        assert not torch.equal(model.train()(x), model(x))


def test_spatial_dropout_drops_features_in_all_places_at_once() -> None:
    model = TextCNN(Text(40, 12), CLASSES, dim=8, spatial_dropout=0.5)
    seen: list[torch.Tensor] = []
    model.filters[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    model(torch.randint(1, 40, (3, 12)))
    is_dropped = seen[0] == 0  # (B, L, D)
    assert 0 < is_dropped.sum() < is_dropped.numel()
    assert torch.equal(is_dropped.all(1), is_dropped.any(1))


@pytest.mark.parametrize("norm", ["layer", "rms", "batch"])
def test_padding_has_no_part_in_a_transformers_norms(norm: Any) -> None:
    case = next(case for case in CASES if case.name == "transformer" and isinstance(case.input, Text))
    model, other = case.build(norm=norm), case.build(norm=norm)
    longer = torch.nn.functional.pad(case.x(), (0, 3))
    torch.testing.assert_close(other(longer), model(case.x()))
    torch.testing.assert_close(other.eval()(longer), model.eval()(case.x()))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_defaults_warn_of_nothing(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        case.build()


def test_what_has_no_effect_on_text_is_said_to_have_none() -> None:
    with pytest.warns(UserWarning, match=r"^model\.patch_size=4 has no effect on text\.$"):
        Transformer(Text(40, 12), CLASSES, patch_size=4)


def test_two_directions_read_the_last_token_alone() -> None:
    with pytest.warns(UserWarning, match=r"^model\.pooling=last with model\.bidirectional=true: "):
        LSTM(Text(40, 12), CLASSES, pooling="last")


@pytest.mark.parametrize(("model", "target"), [(BERT, CLASSES), (GPT, CLASSES), (T5, Sentence(40, 12))])
@pytest.mark.parametrize(("asked", "expected"), [(None, 0.2), (0.0, 0.0), (0.3, 0.3)])
def test_attention_weights_are_dropped_as_asked_or_as_all_else(
    model: Any, target: Any, asked: float | None, expected: float
) -> None:
    built = model(Text(40, 12), target, dim=16, dropout=0.2, attention_dropout=asked)
    assert {module.dropout for module in built.modules() if isinstance(module, MultiHead)} == {expected}


@pytest.mark.parametrize("name", [name for name in NAMES if "channel_independent" in load(name)[1]])
def test_a_series_forecast_moves_with_its_window(name: str) -> None:
    """Reversible instance norm: the same window higher up or larger has the same forecast, higher up or larger."""
    case = next(case for case in CASES if case.name == name and str(case).endswith("Series-Forecast"))
    model, x = case.trained(), case.x()
    torch.testing.assert_close(model(3 * x + 100), 3 * model(x) + 100, rtol=1e-3, atol=1e-2)
    plain = case.build(instance_norm=False).eval()
    assert not torch.allclose(plain(3 * x + 100), 3 * plain(x) + 100, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", [name for name in NAMES if "channel_independent" in load(name)[1]])
def test_independent_channels_do_not_see_each_other(name: str) -> None:
    case = next(case for case in CASES if case.name == name and str(case).endswith("Series-Forecast"))
    assert isinstance(case.input, Series)
    changed = case.x()
    changed[:, :, 1] += torch.randn(B, case.input.length, generator=torch.Generator().manual_seed(3))
    apart, together = case.trained(), case.build(channel_independent=False).eval()
    torch.testing.assert_close(apart(changed)[:, :, 0], apart(case.x())[:, :, 0])
    assert not torch.allclose(together(changed)[:, :, 0], together(case.x())[:, :, 0])


@pytest.mark.parametrize(
    ("name", "size", "parts"),
    [
        ("vit", "base", {"num_layers": 1, "num_heads": 2, "dim": 8}),
        ("mlp_mixer", "base", {"dim": 8, "num_layers": 1}),
        ("convnext", "base", {"dim": 8, "depths": (1, 1, 1, 1)}),
        ("efficientnet", "b3", {"width": 0.1, "depth": 0.2, "dropout": 0.1}),
    ],
)
def test_a_size_of_which_nothing_is_left_is_said_to_have_no_effect(name: str, size: str, parts: dict[str, Any]) -> None:
    model, input = load(name)[0], Image(1, 8, 8)
    with pytest.warns(UserWarning, match=rf"^model\.size={size} has no effect where model\."):
        model(input, CLASSES, size=size, **parts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(input, CLASSES, **parts)
        parts.popitem()
        model(input, CLASSES, size=size, **parts)
