"""Which number format and memory layout trains fastest on this machine's CPU: ratios to float32, contiguous.

    python benchmarks/precision.py [--quick] [--processor] [--rounds 7]

One training step each of cnn, resnet, mlp and transformer with the options of their yamls, on random pictures of
3×32×32 pixels in batches of 64, by hand: autocast to bfloat16 as `trainer.precision=bf16-mixed` does it, channels_last
for models with convolutions. An arrow marks what `python train.py` chooses here by itself (`iolaus.hardware`).
"""

from collections.abc import Callable
from functools import partial

import torch
from alternate import alternate, arguments, seconds_of
from torch import nn

from iolaus.config.build import build_model
from iolaus.config.compose import compose
from iolaus.hardware import best_precision, memory_format
from iolaus.spec import Classes, Image

BATCH_SIZE = 64
INPUT, TARGET = Image(3, 32, 32), Classes(tuple("0123456789"))
MODELS = ("cnn", "resnet", "mlp", "transformer")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
BASELINE = "float32, contiguous"


def training_step(model: nn.Module, dtype: torch.dtype, layout: torch.memory_format) -> Callable[[], None]:
    model.to(memory_format=layout)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters())
    pictures = torch.randn(BATCH_SIZE, 3, 32, 32).contiguous(memory_format=layout)
    labels = torch.randint(0, 10, (BATCH_SIZE,))

    def step() -> None:
        with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
            loss = nn.functional.cross_entropy(model(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def chosen(model: nn.Module) -> str:
    precision = "bfloat16" if best_precision(model, "cpu").name == "bf16-mixed" else "float32"
    layout = "channels_last" if memory_format(model) == torch.channels_last else "contiguous"
    return f"{precision}, {layout}"


def main() -> None:
    options = arguments(__doc__, num_rounds=7)
    for name in MODELS[:1] if options.quick else MODELS:
        config = compose([f"model={name}"]).config
        choice = chosen(build_model(config, INPUT, TARGET))
        layouts = LAYOUTS if "channels_last" in choice else {"contiguous": LAYOUTS["contiguous"]}
        contenders = {
            f"{precision}, {layout}": partial(
                seconds_of, training_step(build_model(config, INPUT, TARGET), dtype, LAYOUTS[layout])
            )
            for precision, dtype in PRECISIONS.items()
            for layout in layouts
        }
        rounds = alternate(contenders, num_rounds=options.rounds)
        for contender in contenders:
            mark = "  ← chosen" if contender == choice else ""
            ratio = rounds.ratio(contender, BASELINE)
            print(f"{name:<12} {contender:<24} {rounds.median(contender) * 1e3:8.1f} ms  {ratio:5.2f} ×{mark}")
        print()


if __name__ == "__main__":
    main()
