"""How well the nearest vectors are those of the same class: every sample asks all others."""

import torch
from torch import Tensor

_QUERIES_AT_ONCE = 512  # a row of similarities each


def retrieval(vectors: Tensor, labels: Tensor) -> dict[str, float]:
    """Recall at 1, how often the nearest is of the class; and the mean average precision (`map`) of all ranks.

    vectors: (N, D) of length 1; labels: (N,). Samples that are the only ones of their class are not asked about;
    where none is asked about, both are 0.
    """
    hits, precisions = [], []
    for rows in torch.arange(len(vectors), device=vectors.device).split(_QUERIES_AT_ONCE):
        likeness = vectors[rows] @ vectors.T  # (Q, N)
        likeness[torch.arange(len(rows)), rows] = -torch.inf  # itself, which is ranked last
        ranked = likeness.argsort(dim=1, descending=True, stable=True)[:, :-1]
        relevant = labels[ranked] == labels[rows, None]  # (Q, N - 1)
        relevant = relevant[relevant.any(dim=1)]
        hits.append(relevant[:, :1].any(dim=1).float())  # a single vector has no nearest
        precisions.append(_average_precision(relevant))
    found = torch.cat(hits)
    if not len(found):
        return {"recall_at_1": 0.0, "map": 0.0}
    return {"recall_at_1": found.mean().item(), "map": torch.cat(precisions).mean().item()}


def _average_precision(relevant: Tensor) -> Tensor:
    """(Q, N), in the order of their ranks → (Q,): the mean, over the relevant, of the precision down to their rank."""
    ranks = torch.arange(1, relevant.shape[1] + 1, device=relevant.device)
    precision = relevant.cumsum(dim=1) / ranks
    return (precision * relevant).sum(dim=1) / relevant.sum(dim=1)
