"""Whatever is typed or lies in a file, the answer is a trained step, a passed check or one sentence: never a traceback.

Hypothesis draws the inputs, the same ones each time.
"""

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from PIL import Image

from iolaus.cli.settle import explain_all
from iolaus.config import build
from iolaus.config.compose import compose, options
from iolaus.data.images.decoding import decode
from iolaus.data.module import DataModule
from iolaus.data.series.series_file import SeriesFile
from iolaus.data.text.texts import Texts
from iolaus.optimizers import parameter_groups

CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


def examples(number: int) -> Callable[[Any], Any]:
    return settings(max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=CHECKS)


def _assert_sentences(problems: list[str]) -> None:
    for problem in problems:
        assert problem
        assert "\n" not in problem
        assert "Traceback" not in problem


def _option_paths() -> list[str]:
    """Every option of a plain run, as it is typed."""
    config = OmegaConf.to_container(compose([]).config)
    nodes, paths = [("", config)], []
    while nodes:
        path, node = nodes.pop()
        if isinstance(node, dict):
            nodes += [(f"{path}.{key}".lstrip("."), child) for key, child in node.items()]
        else:
            paths.append(path)
    return sorted(paths)


SPECIAL = [
    "null",
    "true",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "''",
    "[]",
    "{}",
    "[1,2]",
    "{a: 1}",
    "'a b'",
    "???",
    "0x10",
    "-0.0",
]
VALUES = st.one_of(
    st.sampled_from(SPECIAL),
    st.integers(-3, 70).map(str),
    st.sampled_from([str(2**31), str(-(2**63)), str(10**30)]),
    st.floats(-2, 2).map(repr),
    st.sampled_from(["${seed}", "${oc.env:HOME}", "${model}", "${nothing}", "${oc.env:NO_SUCH_VARIABLE}", "\\${seed}"]),
    st.text("abcé漢😀_-./", min_size=1, max_size=8),
)
GROUPS = ["model", "loss", "optimizer", "scheduler", "initializer", "task", "data"]


@examples(20)
@given(st.sampled_from(_option_paths()), VALUES)
def test_any_value_of_any_option_is_right_or_named(path: str, value: str) -> None:
    _assert_sentences(explain_all([f"{path}={value}"]))


def _numbers() -> list[str]:
    """The options of a plain run that are numbers."""
    config = compose([]).config
    values = {path: OmegaConf.select(config, path) for path in _option_paths() if not path.startswith("sweep.")}
    return [path for path, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)]


def test_what_is_no_number_is_refused_wherever_one_belongs() -> None:
    """So that the tests here, which take any sentence and any silence for an answer, are not content with silence."""
    numbers = _numbers()
    assert len(numbers) > 15
    for path in numbers:
        (problem,) = explain_all([f"{path}='a b'"])
        assert problem.startswith(f"{path}=a b: "), problem


@examples(15)
@given(st.lists(st.sampled_from(GROUPS), unique=True, min_size=1, max_size=4).flatmap(
    lambda groups: st.tuples(*(st.sampled_from(options(group)).map(f"{group}={{}}".format) for group in groups))
))  # fmt: skip
def test_any_choices_together_fit_or_say_why_not(chosen: tuple[str, ...]) -> None:
    _assert_sentences(explain_all(list(chosen)))


@examples(40)
@given(st.text("=+~@:.,'\"[]{}()$\\ \t#abc1/-é", max_size=14))
def test_any_text_is_an_override_or_said_to_be_none(text: str) -> None:
    if "hydra" not in text:
        _assert_sentences(explain_all([text]))


SMALL = [
    "model.dim",
    "model.num_layers",
    "model.dropout",
    "optimizer.lr",
    "optimizer.weight_decay",
    "loss.label_smoothing",
]


@examples(12)
@given(st.dictionaries(st.sampled_from(SMALL), st.one_of(st.integers(0, 40), st.floats(0, 1.5)), max_size=4))
def test_what_passes_the_check_trains(values: dict[str, float]) -> None:
    overrides = [f"{path}={value}" for path, value in values.items()]
    problems = explain_all(overrides)
    _assert_sentences(problems)
    if problems:
        return
    config = compose(overrides).config
    data = build.build_data(config)
    data.prepare_data()
    data.setup()
    model = build.build_model(config, data.input, data.target)
    task = build.build_task(config, model, data.input, data.target)
    optimizer = build.factory(config, "optimizer")(parameter_groups(model))
    batch = data.normalize(data.train.batch(torch.arange(8)))
    task.loss(task(batch.input), batch.target).backward()
    optimizer.step()
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def _read_or_refused(data: DataModule) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data.setup()
        except ValueError as error:
            _assert_sentences([str(error)])
        else:
            assert len(data.train.batch(torch.arange(1))) == 1


CELLS = st.one_of(
    st.integers(-5, 5).map(str),
    st.sampled_from(
        ["", "nan", "inf", "-1e308", "1e999", "1,5", "1;2", '"', '""', '"a', "é", "😀", "\t", "2024-01-01", "0x1F"]
    ),
    st.dates().map(str),
    st.datetimes().map(str),
    st.text(max_size=4),
)
BREAKS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", ""])


@st.composite
def tables(draw: st.DrawFn, header: list[str]) -> bytes:
    """Mostly whole; one cell, one row, the line breaks or the encoding may be anything."""
    num_columns = len(header)
    rows = [[f"2024-01-{day:02}", *[str(day % 5)] * (num_columns - 1)] for day in range(1, 29)]
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.integers(0, len(rows) - 1))
        rows[row][draw(st.integers(0, num_columns - 1))] = draw(CELLS)
    if draw(st.booleans()):
        rows.insert(draw(st.integers(0, len(rows))), draw(st.lists(CELLS, max_size=num_columns + 2)))
    if draw(st.integers(0, 4)) == 0:
        header = draw(st.lists(CELLS, min_size=0, max_size=num_columns))
    text = draw(BREAKS).join(",".join(row) for row in [header, *rows])
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "latin-1"]))
    return text.encode(encoding, "replace") + draw(st.binary(max_size=3))


@examples(60)
@given(tables(["date", "load", "price"]))
def test_any_table_is_a_series_or_refused(content: bytes) -> None:
    file = _file("series.csv", content)
    _read_or_refused(SeriesFile(root=str(file), lookback=4, horizon=2, batch_size=2, val_fraction=0.2))


@examples(50)
@given(tables(["text", "label"]))
def test_any_table_is_texts_or_refused(content: bytes) -> None:
    _read_or_refused(Texts(root=str(_file("texts.csv", content)), batch_size=2, vocab_size=50))


def _pictures() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 10, 3), np.uint8)
    found = []
    for form in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, form)
        found.append(stream.getvalue())
    return found


@examples(120)
@given(st.sampled_from(_pictures()), st.data())
def test_any_file_is_a_picture_or_refused(whole: bytes, data: st.DataObject) -> None:
    """Whole ones, cut short or with some bytes replaced."""
    content = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 4)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = decode(_file("picture", bytes(content)), channels=3, height=4, width=4)
        except ValueError as error:
            _assert_sentences([str(error)])
        else:
            assert found.shape == (3, 4, 4)


def _file(name: str, content: bytes) -> Path:
    path = Path(os.environ["XDG_CACHE_HOME"]) / name
    path.write_bytes(content)
    return path
