"""Losses that torch lacks, called as `loss(output, target)`; what it has by itself, the configs name directly."""

from iolaus.losses.classes import Asymmetric as Asymmetric
from iolaus.losses.classes import CrossEntropy as CrossEntropy
from iolaus.losses.classes import Focal as Focal
from iolaus.losses.classes import Poly as Poly
from iolaus.losses.overlap import Dice as Dice
from iolaus.losses.values import Quantile as Quantile
from iolaus.losses.vectors import Contrastive as Contrastive
from iolaus.losses.vectors import CosineEmbedding as CosineEmbedding
from iolaus.losses.vectors import SupervisedContrastive as SupervisedContrastive
from iolaus.losses.vectors import Triplet as Triplet
