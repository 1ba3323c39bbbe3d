"""Hydra's whole grammar of sweeps, as points, distributions and overrides again."""

import math
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from iolaus.config.compose import options
from iolaus.sweep.grid import index_of
from iolaus.sweep.space import Dimension, Space, dimension


def _of(text: str) -> Dimension:
    return dimension(OverridesParser.create().parse_override(text))


@pytest.mark.parametrize(
    ("text", "values", "overrides"),
    [
        ("model=mlp,lstm", ("mlp", "lstm"), ["model=mlp", "model=lstm"]),
        ("a=3,2.5,true,null", (3, 2.5, True, None), ["a=3", "a=2.5", "a=true", "a=null"]),
        ("a=choice('x y',z)", ("x y", "z"), ["a=x\\ y", "a=z"]),
        ("a=choice([1,2],{x:1})", ("[1,2]", "{x:1}"), ["a=[1,2]", "a={x:1}"]),
        ("a=range(1,10,4)", (1, 5, 9), ["a=1", "a=5", "a=9"]),
        ("a=range(3)", (0, 1, 2), ["a=0"]),
        ("a=range(1.0,2.0,0.5)", (1.0, 1.5), ["a=1.0", "a=1.5"]),
        ("a=sort(3,1,2)", (1, 2, 3), ["a=1"]),
        ("a=int(choice(1.5,2.5))", (1, 2), ["a=1", "a=2"]),
        ("a=1,true", ("1", "true"), ["a=1", "a=true"]),  # the same to Python, not to Hydra
        ("+optimizer.foreach=true,false", (True, False), ["+optimizer.foreach=true", "+optimizer.foreach=false"]),
        ("a=shuffle(1,2,3)", (1, 2, 3), ["a=1"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_be_listed(text: str, values: tuple[Any, ...], overrides: list[str]) -> None:
    found = _of(text)
    assert found.values is not None
    assert [str(value).lower() for value in found.values] == [str(value).lower() for value in values]
    texts = [found.override(value).lower() for value in found.values]
    assert texts[: len(overrides)] == [override.lower() for override in overrides]


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("a=interval(1,5)", FloatDistribution(1, 5)),
        ("a=int(interval(1,5))", IntDistribution(1, 5)),
        ("a=tag(log,interval(1e-4,1e-1))", FloatDistribution(1e-4, 1e-1, log=True)),
        ("a=tag(log,int(interval(4,256)))", IntDistribution(4, 256, log=True)),
        ("a=range(1,10,4)", IntDistribution(1, 9, step=4)),
        ("a=sort(range(1,4),reverse=true)", IntDistribution(1, 3)),
        ("a=x,y", CategoricalDistribution(("x", "y"))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_sampler_draws_from(text: str, distribution: BaseDistribution) -> None:
    assert _of(text).distribution == distribution


def test_a_glob_is_the_choices_of_its_group() -> None:
    assert _of("optimizer=glob(ada*)").values == tuple(name for name in options("optimizer") if name.startswith("ada"))
    assert "mlp" not in (_of("model=glob(*,exclude=mlp)").values or ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=range(5,5)", "empty"),
        ("a=interval(2,1)", "empty"),
        ("a=tag(log,interval(0,1))", "above 0"),
        ("a=tag(lg,interval(1,2))", "no tag lg"),
        ("a=tag(log,choice(1,2))", "choices have no scale"),
        ("a=1,1", "1 is in there twice"),
        ("model=glob(zzz*)", "there are .*cnn"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        _of(text)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_grid_counts_as_hydra_does() -> None:
    space = Space((_of("a=1,2"), _of("b=x,y,z")))
    assert space.size == 6
    assert [space.point(index) for index in range(4)] == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 1, "b": "z"}, {"a": 2, "b": "x"},
    ]  # fmt: skip
    assert space.overrides(space.point(3)) == ["a=2", "b=x"]
    assert Space((_of("a=1,2"), _of("b=interval(0,1)"))).size == math.inf


def test_samples_hold_every_value() -> None:
    samples = Space((_of("a=1,2,3"), _of("b=interval(0.5,1)"))).samples()
    assert {point["a"] for point in samples} == {1, 2, 3}
    assert {point["b"] for point in samples} == {0.5, 1.0}


def test_of_a_long_range_some_values_are_checked_and_both_ends() -> None:
    ends = _of("seed=range(0,100000)").ends()
    assert (len(ends), ends[0], ends[-1]) == (64, 0, 99999)
    assert len(_of("seed=range(0,60)").ends()) == 60
    assert len(_of("seed=" + ",".join(map(str, range(100)))).ends()) == 100  # typed one by one


@pytest.mark.parametrize("size", [40, 10**9])
def test_a_part_of_a_grid_is_drawn_and_never_changes(size: int) -> None:
    few = [index_of(number, size, is_drawn=True) for number in range(10)]
    more = [index_of(number, size, is_drawn=True) for number in range(30)]
    assert more[:10] == few
    assert len(set(more)) == 30
    assert more != sorted(more)
    assert all(0 <= index < size for index in more)
    assert [index_of(number, size, is_drawn=False) for number in range(3)] == [0, 1, 2]
