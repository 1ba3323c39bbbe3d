"""Low-rank adaptation: linear layers that keep their weight and learn a small change to it (Hu et al. 2022,
arXiv:2106.09685)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_DOWN, _UP, _SCALE = "weight_down", "weight_up", "lora_scale"


class LoRALinear(nn.Linear):
    """y = Wx + b + (alpha / rank) · U D x, where only D (rank, in) and U (out, rank) learn; U begins with zeros."""

    lora_scale: Tensor

    def __init__(self, linear: nn.Linear, *, rank: int, alpha: float, dropout: float) -> None:
        super().__init__(1, 1, device="meta")  # the weights are those of the layer that it takes the place of
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self.weight_down = nn.Parameter(linear.weight.new_empty(rank, linear.in_features))
        self.weight_up = nn.Parameter(linear.weight.new_zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.weight_down, a=math.sqrt(5))
        self.register_buffer(_SCALE, torch.tensor(alpha / rank, device=linear.weight.device))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        change = F.linear(F.linear(self.dropout(x), self.weight_down), self.weight_up)
        return super().forward(x) + self.lora_scale.to(change.dtype) * change


def add_lora(root: nn.Module, *, skip: nn.Module, rank: int, alpha: float, dropout: float) -> int:
    """Puts adapters beside all linear layers below `root`, except in `skip`; returns how many."""
    skipped = set(skip.modules())
    places = [
        (parent, name, child)
        for parent in root.modules()
        if parent not in skipped
        for name, child in parent.named_children()
        if type(child) is nn.Linear and child is not skip  # kinds of it do other things with their weight
    ]
    for parent, name, child in places:
        setattr(parent, name, LoRALinear(child, rank=rank, alpha=alpha, dropout=dropout))
    return len(places)


def merge_lora(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a model with adapters as those of the model without: the changes are added to what they change."""
    merged = {name: weight for name, weight in weights.items() if not name.endswith((_DOWN, _UP, _SCALE))}
    for name in weights:
        if name.endswith(_SCALE):
            layer = name.removesuffix(_SCALE)
            change = weights[layer + _UP] @ weights[layer + _DOWN]
            merged[f"{layer}weight"] = merged[f"{layer}weight"] + weights[name] * change
    return merged
