"""Draws how a tensor was computed: one box per tensor, arrows from operands to results.

Graphviz lays the boxes out; `pip install 'iolaus[graph]'` brings it along.
"""

from html import escape
from pathlib import Path

import numpy as np

from iolaus.scratch.tensor import Tensor, grad
from iolaus.scratch.values import Array

_MAX_NUMBERS = 4  # a box with more numbers shows their range instead
_TABLE = 'border="0" cellborder="1" cellspacing="0" cellpadding="4" bgcolor="white" color="#777777"'


class Drawing(str):
    """An SVG picture as text. A notebook shows it as a picture."""

    def __repr__(self) -> str:
        return f"<a drawing, {len(self)} characters of SVG>"

    def _repr_svg_(self) -> str:
        return str(self)

    def save(self, path: str | Path) -> None:
        Path(path).write_text(self, encoding="utf-8")


def graph(tensor: Tensor, **names: Tensor) -> Drawing:
    """The computation behind a tensor, with the value of every step and, in red, the gradient of the tensor with
    respect to it, if the tensor is a single number. Names label boxes: `graph(loss, x=x, weight=w)`.

    Raises ValueError if backward has freed the graph already, ImportError without the library that draws.
    """
    try:
        from pygraphviz import AGraph
    except ImportError as error:
        raise ImportError("drawing needs pygraphviz: pip install 'iolaus[graph]'") from error
    if tensor.edges is None:
        raise ValueError("backward has freed this graph: draw it before, or call backward(retain_graph=True)")
    name_of = {named: name for name, named in names.items()}
    gradients = _gradients(tensor)
    picture = AGraph(directed=True, rankdir="LR", ranksep="0.35", nodesep="0.2", bgcolor="transparent")
    picture.node_attr.update(shape="plain", fontname="Helvetica", fontsize="11")
    picture.edge_attr.update(color="#777777", arrowsize="0.6")
    number_of = {step: number for number, step in enumerate(_behind(tensor))}
    for step, number in number_of.items():
        picture.add_node(number, label=_label(step, name_of.get(step, ""), gradients.get(step)))
        for operand, _, _ in step.edges or ():
            picture.add_edge(number_of[operand], number)
    return Drawing(picture.draw(format="svg", prog="dot").decode())


def _behind(tensor: Tensor) -> list[Tensor]:
    """The tensor and all it was computed from, constants included."""
    found = [tensor]
    seen = {tensor}
    for step in found:  # grows while we walk it
        new = {operand: None for operand, _, _ in step.edges or () if operand not in seen}
        seen.update(new)
        found += new
    return found


def _gradients(tensor: Tensor) -> dict[Tensor, Tensor]:
    if not tensor.requires_grad or tensor.data.size != 1:
        return {}
    steps = [step for step in _behind(tensor) if step.requires_grad]
    return dict(zip(steps, grad(tensor, steps, retain_graph=True), strict=True))


def _label(step: Tensor, name: str, gradient: Tensor | None) -> str:
    """A table: name and operation, then value and gradient."""
    title = " = ".join(part for part in (name, step.operation) if part) or (
        "input" if step.requires_grad else "constant"
    )
    rows = [f'<td bgcolor="#eef2f7"><b>{escape(title)}</b></td>', f"<td>{_numbers(step.data)}</td>"]
    if gradient is not None:
        rows.append(f'<td><font color="#b3261e">{_numbers(gradient.data)}</font></td>')
    cells = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<<table {_TABLE}>{cells}</table>>"


def _numbers(values: Array) -> str:
    if values.size <= _MAX_NUMBERS:
        text = np.array2string(values, separator=", ", formatter={"float_kind": lambda x: f"{x:.4g}"})
    else:
        text = f"{' × '.join(map(str, values.shape))}: {values.min():.3g} … {values.max():.3g}"
    return escape(text).replace("\n", "<br/>")
