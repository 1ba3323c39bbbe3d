"""Optimizers: each turns a parameter's gradient into a step, and remembers what it needs for the next one.

A step is plain NumPy and nothing of it is recorded. Formulas and defaults are torch's.
"""

import math
from collections.abc import Iterable

import numpy as np

from iolaus.scratch.module import Parameter
from iolaus.scratch.values import Array

Memory = dict[str, Array]  # what an optimizer remembers of one parameter


class Optimizer:
    """Takes steps against the gradient.

    lr: the learning rate; schedules and users may change it between steps.
    weight_decay: how strongly weights are pulled to 0, by adding as much of them to their gradient.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float, weight_decay: float = 0.0) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("an optimizer needs parameters: pass model.parameters()")
        if lr < 0 or weight_decay < 0:
            raise ValueError(f"lr={lr} and weight_decay={weight_decay} must not be negative")
        self.lr = lr
        self.weight_decay = weight_decay
        self.num_steps = 0
        self.memories: list[Memory] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        self.num_steps += 1
        for parameter, memory in zip(self.parameters, self.memories, strict=True):
            if parameter.grad is not None:
                gradient = self.decayed(parameter, parameter.grad.data)
                parameter.data -= self.lr * self.direction(gradient, memory)

    def decayed(self, parameter: Parameter, gradient: Array) -> Array:
        return gradient + self.weight_decay * parameter.data if self.weight_decay else gradient

    def direction(self, gradient: Array, memory: Memory) -> Array:
        """What to subtract, but for the learning rate."""
        raise NotImplementedError


class SGD(Optimizer):
    """Along the gradient; with momentum, along a sum in which older gradients fade (Polyak 1964, Nesterov 1983)."""

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum = momentum
        self.nesterov = nesterov

    def direction(self, gradient: Array, memory: Memory) -> Array:
        if not self.momentum:
            return gradient
        velocity = memory.setdefault("velocity", np.zeros_like(gradient))
        velocity *= self.momentum
        velocity += gradient
        return gradient + self.momentum * velocity if self.nesterov else velocity


class Adagrad(Optimizer):
    """Smaller steps where gradients have been large: divided by the root of their squares' sum (Duchi et al. 2011)."""

    def __init__(
        self, parameters: Iterable[Parameter], lr: float = 1e-2, weight_decay: float = 0.0, eps: float = 1e-10
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.eps = eps

    def direction(self, gradient: Array, memory: Memory) -> Array:
        squares = memory.setdefault("squares", np.zeros_like(gradient))
        squares += gradient * gradient
        return gradient / (np.sqrt(squares) + self.eps)


class RMSprop(Optimizer):
    """Adagrad that forgets: divided by the root of the squares' running mean (Hinton 2012)."""

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.alpha = alpha
        self.eps = eps
        self.momentum = momentum

    def direction(self, gradient: Array, memory: Memory) -> Array:
        squares = memory.setdefault("squares", np.zeros_like(gradient))
        squares *= self.alpha
        squares += (1 - self.alpha) * gradient * gradient
        step = gradient / (np.sqrt(squares) + self.eps)
        if not self.momentum:
            return step
        velocity = memory.setdefault("velocity", np.zeros_like(gradient))
        velocity *= self.momentum
        velocity += step
        return velocity


class Adam(Optimizer):
    """Running means of gradients and of their squares, corrected for their start at zero (Kingma & Ba 2015)."""

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.betas = betas
        self.eps = eps

    def direction(self, gradient: Array, memory: Memory) -> Array:
        beta1, beta2 = self.betas
        mean = memory.setdefault("mean", np.zeros_like(gradient))
        squares = memory.setdefault("squares", np.zeros_like(gradient))
        mean += (1 - beta1) * (gradient - mean)
        squares *= beta2
        squares += (1 - beta2) * gradient * gradient
        root = np.sqrt(squares) / math.sqrt(1 - beta2**self.num_steps)
        return mean / (root + self.eps) / (1 - beta1**self.num_steps)


class AdamW(Adam):
    """Adam whose weight decay acts on the weights themselves, not through the gradient (Loshchilov & Hutter 2019)."""

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def decayed(self, parameter: Parameter, gradient: Array) -> Array:
        parameter.data *= 1 - self.lr * self.weight_decay
        return gradient
