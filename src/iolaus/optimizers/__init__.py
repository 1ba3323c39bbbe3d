"""Optimizers: which parameters they treat alike, and Muon. The other algorithms are torch's and pytorch_optimizer's."""

from iolaus.optimizers.groups import parameter_groups

__all__ = ["parameter_groups"]
