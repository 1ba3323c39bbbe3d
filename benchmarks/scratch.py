"""What a training step of the digits MLP costs in three engines: ours, torch, and one that works number by number.

    OMP_NUM_THREADS=1 python benchmarks/scratch.py [--quick] [--processor] [--rounds 15]

64 pictures of 8×8 pixels, a hidden layer of 128 ReLUs, ten classes. A step is forward, cross entropy, backward and the
optimizer's step. The aims: at most 3 times as long as torch, and 500 times as fast as number by number.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from alternate import alternate, arguments, now
from torch import nn

from iolaus import scratch

SIZES = (64, 128, 10)
BATCH_SIZE = 64
NUM_STEPS = 50  # at a time
NUM_SCALAR = 2  # pictures for the engine of single numbers, which takes them one by one


class Value:
    """A number that remembers how it was computed: an engine in the manner of Karpathy's micrograd."""

    __slots__ = ("data", "grad", "operands", "slopes")

    def __init__(self, data: float, operands: tuple["Value", ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.operands = operands
        self.slopes = slopes

    def __add__(self, other: "Value") -> "Value":
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: "Value") -> "Value":
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def relu(self) -> "Value":
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def exp(self) -> "Value":
        result = math.exp(self.data)
        return Value(result, (self,), (result,))

    def log(self) -> "Value":
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def backward(self) -> None:
        self.grad = 1.0
        for value in reversed(self.behind()):
            for operand, slope in zip(value.operands, value.slopes, strict=True):
                operand.grad += slope * value.grad

    def behind(self) -> list["Value"]:
        order: list[Value] = []
        seen: set[Value] = set()
        stack = [(self, False)]
        while stack:
            value, is_done = stack.pop()
            if is_done:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack += [(operand, False) for operand in value.operands]
        return order


class ScalarMLP:
    """The same network of single numbers."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.layers = [
            [[Value(w) for w in random.uniform(-1, 1, inputs + 1) / math.sqrt(inputs)] for _ in range(outputs)]
            for inputs, outputs in pairwise(SIZES)
        ]

    def loss(self, pixels: Iterable[float], target: int) -> Value:
        x = [Value(pixel) for pixel in pixels]
        hidden = [_weighted(weights, x).relu() for weights in self.layers[0]]
        logits = [_weighted(weights, hidden) for weights in self.layers[1]]
        total = logits[0].exp()
        for logit in logits[1:]:
            total = total + logit.exp()
        return total.log() + logits[target] * Value(-1.0)

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        parameters = [weight for layer in self.layers for weights in layer for weight in weights]
        for parameter in parameters:
            parameter.grad = 0.0
        for pixels, target in zip(x.tolist(), y.tolist(), strict=True):  # one by one: the whole batch's graph is large
            self.loss(pixels, target).backward()
        for parameter in parameters:
            parameter.data -= 0.1 * parameter.grad / len(x)


def _weighted(weights: list[Value], x: list[Value]) -> Value:
    total = weights[-1]
    for weight, value in zip(weights[:-1], x, strict=True):
        total = total + weight * value
    return total


def step_of(library: Any, optimizers: Any, optimizer_name: str, tensor: Callable[[Any], Any], dtype: Any) -> Callable:
    """A training step in torch, or in ours, which reads the same."""
    model = library.Sequential(library.Linear(*SIZES[:2]), library.ReLU(), library.Linear(*SIZES[1:])).to(dtype)
    criterion = library.CrossEntropyLoss()
    optimizer = getattr(optimizers, optimizer_name)(model.parameters(), lr=0.01)

    def step(x: np.ndarray, y: np.ndarray) -> None:
        loss = criterion(model(tensor(x)), tensor(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def timed(step: Callable[[np.ndarray, np.ndarray], None], x: np.ndarray, y: np.ndarray, num_steps: int) -> float:
    """Seconds per step."""
    started = now()
    for _ in range(num_steps):
        step(x, y)
    return (now() - started) / num_steps


def main() -> None:
    options = arguments(__doc__, num_rounds=15)
    random = np.random.default_rng(0)
    x, y = random.random((BATCH_SIZE, SIZES[0])), random.integers(0, SIZES[-1], BATCH_SIZE)
    for name in ("SGD", "AdamW"):
        for dtype in ("float32", "float64"):
            steps = {
                "ours": step_of(scratch, scratch, name, scratch.Tensor, dtype),
                "torch": step_of(nn, torch.optim, name, torch.from_numpy, getattr(torch, dtype)),
            }
            contenders = {who: partial(timed, step, x.astype(dtype), y, NUM_STEPS) for who, step in steps.items()}
            rounds = alternate(contenders, num_rounds=options.rounds)
            microseconds = ", ".join(f"{who} {rounds.median(who) * 1e6:.0f} µs" for who in steps)
            print(f"{name}, {dtype}: {rounds.ratio('ours', 'torch'):.2f} × torch ({microseconds})")
    ours = step_of(scratch, scratch, "SGD", scratch.Tensor, "float64")
    rounds = alternate(
        {
            "ours": partial(timed, ours, x, y, NUM_STEPS),
            "single numbers": lambda: (
                timed(ScalarMLP().step, x[:NUM_SCALAR], y[:NUM_SCALAR], 1) / NUM_SCALAR * BATCH_SIZE
            ),
        },
        num_rounds=min(options.rounds, 5),
    )
    print(f"number by number, SGD, float64: {rounds.ratio('single numbers', 'ours'):.1f} × ours", end=" ")
    print(f"({rounds.median('single numbers'):.2f} s, from {NUM_SCALAR} pictures)")


if __name__ == "__main__":
    main()
