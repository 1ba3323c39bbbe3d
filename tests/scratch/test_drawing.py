"""`graph` draws every step once, with its value and its gradient."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from iolaus.scratch import Tensor, graph

pytest.importorskip("pygraphviz", reason="drawing needs the `graph` extra")


@pytest.fixture
def steps() -> dict[str, Tensor]:
    x, w = Tensor(3.0), Tensor(2.0, requires_grad=True)
    return {"loss": (x * w - 1.0) ** 2, "x": x, "w": w}


def texts(picture: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(picture).iter() if element.tag.endswith("}text")]


def test_boxes_show_names_operations_values_and_gradients(steps):
    words = texts(graph(steps["loss"], x=steps["x"], w=steps["w"]))
    assert sorted(words) == sorted(
        ["x", "3", "w", "2", "30", "*", "6", "10", "constant", "1", "-", "5", "10", "constant", "2", "**", "25", "1"]
    )


def test_arrows_go_from_operands_to_results(steps):
    picture = graph(steps["loss"])
    assert len(re.findall('class="edge"', picture)) == 6
    assert len(re.findall('class="node"', picture)) == 7


def test_the_same_computation_gives_the_same_picture():
    first, second = (graph(Tensor(3.0, requires_grad=True) * 2.0) for _ in range(2))
    assert first == second


def test_a_tensor_used_twice_is_one_box():
    x = Tensor(3.0, requires_grad=True)
    picture = graph(x * x)
    assert len(re.findall('class="node"', picture)) == 2


def test_drawing_leaves_the_graph_as_it_was(steps):
    graph(steps["loss"])
    assert steps["w"].grad is None
    steps["loss"].backward()
    assert steps["w"].grad.item() == 30.0


def test_a_drawing_knows_notebooks_and_files(steps, tmp_path: Path):
    picture = graph(steps["loss"])
    picture.save(tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").read_text(encoding="utf-8") == picture._repr_svg_() == picture


def test_large_tensors_show_their_range():
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    assert "2 × 3: 1 … 6" in texts(graph(x.sum()))


def test_signs_that_mean_something_in_svg_are_escaped():
    x = Tensor(1.0, requires_grad=True)
    assert "a<b & c" in texts(graph(x * 2, **{"a<b & c": x}))


def test_values_alone_where_there_is_no_gradient_to_draw():
    assert texts(graph(Tensor([1.0, 2.0], requires_grad=True) * 2)).count("*") == 1
    assert texts(graph(Tensor(1.0))) == ["constant", "1"]


def test_a_freed_graph_cannot_be_drawn(steps):
    steps["loss"].backward()
    with pytest.raises(ValueError, match="draw it before"):
        graph(steps["loss"])
