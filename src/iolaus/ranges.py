"""The ranges that options may have, as types: a signature says them, and the check of the config reads them there."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

Count = Annotated[int, Ge(1)]  # 1, 2, 3, …
Whole = Annotated[int, Ge(0)]  # 0, 1, 2, …
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Le(1)]  # 0 … 1
Probability = Annotated[float, Gt(0), Lt(1)]  # of what may or may not come
Rate = Annotated[float, Ge(0), Lt(1)]  # a probability that is never certain: dropout, decay
