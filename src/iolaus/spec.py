"""What goes into a model and what comes out of it.

The *kind* (the class) is known before any data is read; the *sizes* (the fields) once the data are prepared. These
frozen dataclasses are all that data and models know of each other.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Softmax = Literal["full", "adaptive"]

_NUM_NAMED = 10  # classes that a sentence names


@dataclass(frozen=True)
class Image:
    """Pictures: (B, channels, height, width), floats of about zero mean and unit variance."""

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Text:
    """Token ids: (B, L) with L ≤ length, filled up at the end with `pad`.

    `start`, `end` and `mask` are ids that no word has: what stands before a text, what after it, and what in the place
    of a token that is hidden (None where the vocabulary has none). `framed`: every text begins with `start` and ends
    with `end`.
    """

    vocab_size: int
    length: int
    pad: int = 0
    start: int = 2
    end: int = 3
    mask: int | None = 4
    framed: bool = False


@dataclass(frozen=True)
class Series:
    """Windows of parallel time series: (B, length, channels), floats."""

    channels: int
    length: int


@dataclass(frozen=True)
class Classes:
    """One class per sample: indices into `names`, (B,); while training also probabilities, (B, len(names))."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        more = ", …" if len(self.names) > _NUM_NAMED else ""
        return f"{len(self.names)} classes ({', '.join(self.names[:_NUM_NAMED])}{more})"


@dataclass(frozen=True)
class Domains(Classes):
    """The same of samples of one domain; in training there are as many of another beside them, whose classes are not
    told, and it is this other one that is tested."""


@dataclass(frozen=True)
class Number:
    """A number per sample, on a scale of mean 0 and deviation 1: (B,). `name`: of what."""

    name: str


@dataclass(frozen=True)
class Mask:
    """A class for every pixel of a picture: indices into `names`, (B, height, width)."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Vector:
    """A vector of length 1 per sample, near those of its class and far from all others: (B, dim).

    Samples have classes: indices into `names`, (B,).
    """

    dim: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Forecast:
    """The next `horizon` steps of every channel: (B, horizon, channels)."""

    channels: int
    horizon: int


@dataclass(frozen=True)
class Vocabulary:
    """A token at every place of the input: ids (B, L) below `size`, `pad` where none is asked for.

    `start`, `end` and `mask` are those of the input. `softmax`: over all tokens at once (full), or first over those
    with low ids and groups of the others (adaptive).
    """

    size: int
    pad: int = 0
    start: int = 2
    end: int = 3
    mask: int | None = 4
    softmax: Softmax = "full"


@dataclass(frozen=True)
class Sentence:
    """Another text: token ids (B, M) with M ≤ length, each closed by `end` and filled up with `pad`.

    `start` stands for the token before the first, where the next one is asked for.
    """

    vocab_size: int
    length: int
    pad: int = 0
    start: int = 2
    end: int = 3


@dataclass(frozen=True)
class Unlabelled:
    """Nothing: samples to learn from by themselves."""


Input = Image | Text | Series
Target = Classes | Domains | Number | Mask | Vector | Forecast | Vocabulary | Sentence | Unlabelled

_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        Image,
        Text,
        Series,
        Classes,
        Domains,
        Number,
        Mask,
        Vector,
        Forecast,
        Vocabulary,
        Sentence,
        Unlabelled,
    )
}


def to_plain(spec: Input | Target) -> dict[str, Any]:
    """The spec as plain values, fit for a checkpoint or JSON; `from_plain` turns it back."""
    return {"kind": type(spec).__name__, **asdict(spec)}


def from_plain(plain: dict[str, Any]) -> Any:
    kind = _KINDS[plain["kind"]]
    return kind(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in plain.items() if name != "kind"}
    )
