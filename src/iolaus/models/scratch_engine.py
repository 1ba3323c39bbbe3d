"""The bridge from torch to `iolaus.scratch`: what runs on NumPy, and is a module with weights to torch.

This file alone knows both worlds.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from iolaus import scratch


class Engine(nn.Module):
    """A network from scratch inside torch.

    `build(library)` makes it of `iolaus.scratch` and, as its twin, of `torch.nn`. The twin is never called: it holds
    the weights, where initializers, optimizers and checkpoints look for them.
    """

    def __init__(self, build: Callable[[Any], Any]) -> None:
        super().__init__()
        self.twin: nn.Module = build(nn)
        self.network: scratch.Module = build(scratch)

    @torch.compiler.disable
    def forward(self, *inputs: Tensor) -> Tensor:
        return _Through.apply(self, torch.is_grad_enabled(), *inputs, *self.twin.parameters())

    def with_present_weights(self) -> scratch.Module:
        """A copy, because a backward pass needs the weights of its forward pass, whatever happened since."""
        network, weights = copy.deepcopy(self.network), self.twin.state_dict()
        for name, tensor in network.named_tensors():
            tensor.data = _array(weights[name]).copy()
        return network.train(self.training)

    def keep_buffers(self, network: scratch.Module) -> None:
        """Takes over what a forward pass changes beside its result: the running averages of batch norm."""
        for name, tensor in network.named_tensors():
            if not isinstance(tensor, scratch.Parameter):
                self.twin.get_buffer(name).copy_(torch.from_numpy(tensor.data))


class _Through(torch.autograd.Function):
    """Forward and backward, as torch calls them."""

    @staticmethod
    def forward(ctx: Any, engine: Engine, is_recording: bool, *tensors: Tensor) -> Tensor:
        network = engine.with_present_weights()
        weights = dict(network.named_parameters())
        weights_in_order = [weights[name] for name, _ in engine.twin.named_parameters()]
        num_inputs = len(tensors) - len(weights)
        inputs = [scratch.Tensor(_array(x)) for x in tensors[:num_inputs]]
        ctx.leaves = [*inputs, *weights_in_order]
        for leaf, needs_gradient in zip(ctx.leaves, ctx.needs_input_grad[2:], strict=True):
            leaf.requires_grad = is_recording and needs_gradient
        ctx.output = network(*inputs)
        engine.keep_buffers(network)
        return torch.tensor(ctx.output.data).to(tensors[-1])  # where and in which precision the weights are

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        wanted = [leaf for leaf in ctx.leaves if leaf.requires_grad]
        found = scratch.grad(ctx.output, wanted, _array(gradient), retain_graph=True)
        gradients = {leaf: torch.tensor(each.data).to(gradient) for leaf, each in zip(wanted, found, strict=True)}
        return None, None, *map(gradients.get, ctx.leaves)


def _array(tensor: Tensor) -> np.ndarray:
    """As NumPy has it: on the CPU, in single precision where torch has less; a tensor without memory gives zeros."""
    tensor = torch.zeros_like(tensor, device="cpu") if tensor.is_meta else tensor.detach().cpu()
    return (tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor).numpy()
