"""Published weights in our architectures say what they say in `transformers`, on small models of random weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn

from iolaus.data.images.digits import Digits
from iolaus.data.text.reviews import Reviews
from iolaus.models.bert import BERT
from iolaus.models.gpt import GPT
from iolaus.models.resnet import ResNet
from iolaus.models.t5 import T5
from iolaus.models.vit import ViT
from iolaus.spec import Classes, Image, Sentence, Text, Vocabulary
from iolaus.transfer.pretrained.published import Published, open_published
from tests.conftest import Command

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

WORDS = ["the", "film", "is", "dull", "lovely", "plot", "acting", "and", "but", "."]
V, L = 30, 12


def save_tokenizer(folder: Path, special: list[str], frame: list[str]) -> None:
    """A small tokenizer such as published ones: special tokens that a text could spell, and a frame."""
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special[min(1, len(special) - 1)]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(special)
    if frame:
        template = processors.TemplateProcessing(
            single=f"{frame[0]} $A {frame[1]}", special_tokens=[(name, vocabulary[name]) for name in frame]
        )
        tokenizer.post_processor = template
    tokenizer.enable_truncation(5)
    tokenizer.save(str(folder / "tokenizer.json"))


def saved(model: Any, folder: Path) -> Published:
    """With weights that are large enough to make a difference, and all of them different: norms, too."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    model.eval().save_pretrained(folder)
    return Published("theirs", folder)


def ids() -> tuple[Tensor, Tensor]:
    """Token ids of texts of unequal lengths, and where they are real."""
    x = torch.randint(5, V, (3, 9), generator=torch.Generator().manual_seed(0))
    real = torch.arange(9) < torch.tensor([[9], [4], [7]])
    return x * real, real


def loaded(model: Any, published: Published, target: type, options: dict[str, Any]) -> nn.Module:
    assert published.problems(target, options) == []
    published.load_into(model)
    return model.eval()


@pytest.fixture
def bert_config() -> Any:
    return transformers.BertConfig(
        vocab_size=V, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=20,
    )  # fmt: skip


BERT_OPTIONS: dict[str, Any] = {
    "dim": 16, "num_layers": 2, "num_heads": 4, "feedforward_ratio": 1.5, "activation": "gelu",
}  # fmt: skip
GPT_OPTIONS: dict[str, Any] = {
    "dim": 16, "num_layers": 2, "num_heads": 4, "feedforward_ratio": 4.0, "activation": "gelu_tanh", "norm": "layer",
    "positions": "learned",
}  # fmt: skip


def test_bert_names_hidden_words_alike(bert_config: Any, tmp_path: Path) -> None:
    theirs = transformers.BertForMaskedLM(bert_config)
    ours = loaded(BERT(Text(V, L), Vocabulary(V), **BERT_OPTIONS), saved(theirs, tmp_path), BERT, BERT_OPTIONS)
    x, real = ids()
    expected = theirs(x, attention_mask=real.long()).logits
    torch.testing.assert_close(ours(x)[real], expected[real], rtol=0, atol=1e-5)


def test_bert_classifies_alike(bert_config: Any, tmp_path: Path) -> None:
    bert_config.num_labels = 3
    theirs = transformers.BertForSequenceClassification(bert_config)
    model = BERT(Text(V, L, framed=True), Classes(("a", "b", "c")), **BERT_OPTIONS)
    ours = loaded(model, saved(theirs, tmp_path), BERT, BERT_OPTIONS)
    x, real = ids()
    torch.testing.assert_close(ours(x), theirs(x, attention_mask=real.long()).logits, rtol=0, atol=1e-5)


def test_first_files_of_bert_call_norms_otherwise(bert_config: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    published = saved(transformers.BertModel(bert_config), tmp_path)
    model = BERT(Text(V, L), Classes(("a", "b")), **BERT_OPTIONS)
    published.load_into(model)
    weights = load_file(tmp_path / "model.safetensors")
    old = {
        "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in weights.items()
    }
    save_file(old, tmp_path / "model.safetensors")
    other = BERT(Text(V, L), Classes(("a", "b")), **BERT_OPTIONS)
    published.load_into(other)
    theirs = dict(other.state_dict())
    for name, value in model.state_dict().items():
        assert name.startswith("head.project") or torch.equal(theirs[name], value), name


def test_gpt_says_what_comes_next_alike(tmp_path: Path) -> None:
    config = transformers.GPT2Config(vocab_size=V, n_positions=20, n_embd=16, n_layer=2, n_head=4)
    theirs = transformers.GPT2LMHeadModel(config)
    published = saved(theirs, tmp_path)
    ours: Any = loaded(GPT(Text(V + 1, L, pad=V), Vocabulary(V + 1), **GPT_OPTIONS), published, GPT, GPT_OPTIONS)
    x, real = ids()
    expected = theirs(x, attention_mask=real.long()).logits
    torch.testing.assert_close(ours(x)[real][:, :V], expected[real], rtol=0, atol=1e-5)
    state = None
    for place in range(9):
        logits, state = ours.step(x[:1, place], state)
        torch.testing.assert_close(logits[:, :V], expected[:1, place], rtol=0, atol=1e-5)


def t5(kind: str, *, is_tied: bool) -> tuple[Any, dict[str, Any]]:
    """Theirs, and the options of ours."""
    config = transformers.T5Config(
        vocab_size=V, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=4, feed_forward_proj=kind,
        decoder_start_token_id=0, tie_word_embeddings=is_tied,
    )  # fmt: skip
    options: dict[str, Any] = {
        "dim": 16, "num_layers": 2, "num_heads": 4, "head_dim": 6, "feedforward_ratio": 1.5,
        "activation": "relu" if kind == "relu" else "gelu_tanh", "is_gated": kind != "relu", "is_tied": is_tied,
    }  # fmt: skip
    return transformers.T5ForConditionalGeneration(config), options


def save_with_own_head(theirs: Any, folder: Path) -> Published:
    """As Flan-T5 is published; this version of the library ties the tables of those that it makes itself."""
    from safetensors.torch import load_file, save_file

    published = saved(theirs, folder)
    theirs.lm_head.weight = nn.Parameter(torch.randn(V, 16, generator=torch.Generator().manual_seed(3)))
    head = {"lm_head.weight": theirs.lm_head.weight.detach()}
    save_file(load_file(folder / "model.safetensors") | head, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text()) | {"tie_word_embeddings": False}
    (folder / "config.json").write_text(json.dumps(config))
    return published


@pytest.mark.parametrize(
    ("kind", "is_tied", "save"),
    [
        ("relu", True, saved),
        ("gated-gelu", True, saved),
        ("gated-gelu", False, saved),
        ("gated-gelu", False, save_with_own_head),
    ],
    ids=["t5", "gated", "1.1 with one table", "1.1"],
)
def test_t5_writes_alike(kind: str, is_tied: bool, save: Callable[[Any, Path], Published], tmp_path: Path) -> None:
    theirs, options = t5(kind, is_tied=is_tied)
    published = save(theirs, tmp_path)
    ours: Any = loaded(T5(Text(V, L), Sentence(V, L, start=0, end=1), **options), published, T5, options)
    x, real = ids()
    previous = torch.randint(5, V, (3, 6), generator=torch.Generator().manual_seed(2))
    previous[:, 0] = 0
    expected = theirs(input_ids=x, attention_mask=real.long(), decoder_input_ids=previous).logits
    torch.testing.assert_close(ours(x, previous), expected, rtol=0, atol=1e-5)
    state = ours.begin(x)
    for place in range(6):
        logits, state = ours.step(previous[:, place], state)
        torch.testing.assert_close(logits, expected[:, place], rtol=0, atol=1e-5)


def test_t5_with_a_head_of_its_own_is_not_taken_for_one_without(tmp_path: Path) -> None:
    theirs, options = t5("gated-gelu", is_tied=False)
    published = save_with_own_head(theirs, tmp_path)
    (problem,) = published.problems(T5, options | {"is_tied": True, "is_gated": False, "head_dim": None})
    assert problem.endswith("type model.head_dim=6 model.is_gated=true model.is_tied=false.")
    ours = T5(Text(V, L), Sentence(V, L), **options | {"is_tied": True})
    with pytest.warns(UserWarning, match=r"^init_from: lm_head\.weight is left out: config\.json says"):
        published.load_into(ours)


def test_a_published_head_for_other_classes_starts_anew(
    bert_config: Any, vit: tuple[Any, Published], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bert = saved(transformers.BertForSequenceClassification(bert_config), tmp_path / "bert")
    for published, model in (
        (bert, BERT(Text(V, L, framed=True), FIVE, **BERT_OPTIONS)),
        (bert, BERT(Text(V, L, framed=True), ONE, **BERT_OPTIONS)),
        (vit[1], ViT(Image(3, 12, 12), FIVE, **VIT_OPTIONS)),
        (vit[1], ViT(Image(3, 12, 12), ONE, **VIT_OPTIONS)),
    ):
        head: Any = model.head
        before = head.project.weight.clone()
        caplog.clear()
        with caplog.at_level("INFO"):
            published.load_into(model)
        assert torch.equal(head.project.weight, before)
        assert "the head has another size and starts anew (head.project.bias, head.project.weight)" in caplog.text


def test_texts_longer_than_the_positions_are_refused(bert_config: Any, tmp_path: Path) -> None:
    published = saved(transformers.BertModel(bert_config), tmp_path)
    published.load_into(BERT(Text(V, 20), TWO, **BERT_OPTIONS))
    with pytest.raises(
        ValueError, match=r"know 20 positions, and the texts .* up to 30 tokens: type data\.length=20\.$"
    ):
        published.load_into(BERT(Text(V, 30), TWO, **BERT_OPTIONS))


def test_weights_that_have_no_place_are_told_of(bert_config: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    published = saved(transformers.BertForPreTraining(bert_config), tmp_path)
    model, file = BERT(Text(V, L), Vocabulary(V), **BERT_OPTIONS), tmp_path / "model.safetensors"
    weights = load_file(file) | {"bert.embeddings.position_ids": torch.arange(20)[None]}
    copy = {"cls.predictions.decoder.weight": weights["bert.embeddings.word_embeddings.weight"].clone()}
    save_file(weights | copy, file)
    published.load_into(model)  # no word of what nobody needs, or is there twice
    norm = weights["bert.embeddings.LayerNorm.weight"]
    odd = {f"bert.adapters.{number}.weight": norm.clone() for number in range(4)}  # equal, but no table
    save_file(weights | odd, file)
    with pytest.warns(
        UserWarning, match=r"hf:theirs: bert\.adapters\.0\.weight, .*, … \(4 of \d+ weights\) have no place"
    ):
        published.load_into(model)


VIT_OPTIONS: dict[str, Any] = {
    "dim": 16, "num_layers": 2, "num_heads": 4, "feedforward_ratio": 1.5, "patch_size": 4, "activation": "gelu",
    "norm": "layer", "positions": "learned", "pooling": "class",
}  # fmt: skip
RESNET_OPTIONS: dict[str, Any] = {
    "width": 8, "activation": "relu", "norm": "batch", "pre_activation": False, "shortcut": "projection",
    "stem": "large",
}  # fmt: skip
ONE, TWO, FIVE = (Classes(tuple(names)) for names in ("a", "ab", "abcde"))


@pytest.fixture
def vit(tmp_path: Path) -> tuple[Any, Published]:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, image_size=12, patch_size=4,
        num_labels=2,
    )  # fmt: skip
    theirs = transformers.ViTForImageClassification(config)
    return theirs, saved(theirs, tmp_path)


def test_vit_classifies_alike(vit: tuple[Any, Published]) -> None:
    theirs, published = vit
    ours = loaded(ViT(Image(3, 12, 12), TWO, **VIT_OPTIONS), published, ViT, VIT_OPTIONS)
    pictures = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(pictures), theirs(pictures).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(20, 20), (12, 20), (36, 4)], ids=str)
def test_vit_reads_pictures_of_other_sizes_alike(size: tuple[int, int], vit: tuple[Any, Published]) -> None:
    theirs, published = vit
    ours = loaded(ViT(Image(3, *size), TWO, **VIT_OPTIONS), published, ViT, VIT_OPTIONS)
    pictures = torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = theirs(pictures, interpolate_pos_encoding=True).logits
    torch.testing.assert_close(ours(pictures), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "depth"), [("basic", 18), ("bottleneck", 50)])
def test_resnet_classifies_alike(kind: str, depth: Any, tmp_path: Path) -> None:
    sizes = (8, 16, 32, 64) if kind == "basic" else (32, 64, 128, 256)
    depths = (2, 2, 2, 2) if kind == "basic" else (3, 4, 6, 3)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=sizes, depths=depths, layer_type=kind, num_labels=2
    )  # fmt: skip
    theirs = transformers.ResNetForImageClassification(config)
    published = saved(theirs, tmp_path)
    options = RESNET_OPTIONS | {"depth": depth}
    ours = loaded(ResNet(Image(3, 64, 64), TWO, **options), published, ResNet, options)
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = theirs(pictures).logits
    torch.testing.assert_close(ours(pictures), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_a_resnet_of_another_design_is_said_to_have_no_counterpart(tmp_path: Path) -> None:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=(8, 16), depths=(1, 1), layer_type="basic")
    (problem,) = saved(transformers.ResNetModel(config), tmp_path).problems(ResNet, {})
    assert problem == "init_from: there is no counterpart here of a ResNet with basic blocks (1, 1)."


def test_pictures_are_scaled_as_the_weights_learned_to_see_them(vit: tuple[Any, Published], tmp_path: Path) -> None:
    _, published = vit
    with pytest.raises(ValueError, match=r"has no preprocessor_config\.json; a model needs config\.json"):
        published.fitted()
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5], "image_std": [0.25]}))
    data = Digits()
    data.inherit(published.fitted())
    data.setup()
    assert (data.mean, data.std) == ([127.5], [63.75])
    (tmp_path / "preprocessor_config.json").write_text("[]")
    with pytest.raises(ValueError, match="does not say image_mean and image_std"):
        published.fitted()


def test_options_that_do_not_fit_are_named(bert_config: Any, tmp_path: Path) -> None:
    published = saved(transformers.BertModel(bert_config), tmp_path)
    assert published.problems(BERT, BERT_OPTIONS | {"dim": 8, "num_heads": 2}) == [
        "init_from=hf:theirs: the weights are of another size: type model.dim=16 model.num_heads=4."
    ]
    assert published.problems(GPT, {}) == ["init_from=hf:theirs: these are weights of BERT: type model=bert."]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mamba"}))
    (problem,) = Published("theirs", tmp_path).problems(BERT, {})
    assert "of the kind mamba" in problem
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"hf:theirs: .* has no tokenizer\.json; a model needs config\.json"):
        published.fitted()


def test_texts_are_read_as_the_weights_learned_to_read(bert_config: Any, tmp_path: Path) -> None:
    published = saved(transformers.BertModel(bert_config), tmp_path)
    save_tokenizer(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], ["[CLS]", "[SEP]"])
    data = Reviews(length=9)
    data.inherit(published.fitted())
    data.setup()
    assert data.input == Text(15, 9, framed=True)
    assert data.tokenizer is not None
    batch = data.train.batch(torch.arange(50)).input
    assert (batch[:, 0] == 2).all()
    assert batch.shape[1] == 9  # and not the five that its file says
    (tmp_path / "mine.txt").write_text("the film is [MASK] [PAD] lovely")
    split, _ = data.examples(tmp_path / "mine.txt")
    assert not torch.isin(split.batch(torch.tensor([0])).input, torch.tensor([0, 4])).any()


def test_padding_comes_after_a_vocabulary_that_has_none(tmp_path: Path) -> None:
    config = transformers.GPT2Config(
        vocab_size=11, n_positions=20, n_embd=16, n_layer=1, n_head=4, bos_token_id=0, eos_token_id=0
    )
    published = saved(transformers.GPT2LMHeadModel(config), tmp_path)
    save_tokenizer(tmp_path, ["<|endoftext|>"], [])
    data = Reviews(length=9)
    data.inherit(published.fitted())
    data.setup()
    assert data.input == Text(12, 9, pad=11, start=0, end=0, mask=None)
    model = GPT(data.input, Vocabulary(12), dim=16, num_layers=1, num_heads=4)
    published.load_into(model)
    assert torch.equal(model.embedding.table.weight[11], torch.zeros(16))


def test_a_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path, command: Command) -> None:
    result = command("model=bert", "init_from=hf:nobody/nothing", HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "hub"))
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: init_from=hf:nobody/nothing: there is no folder nobody/nothing, and the hub")
    with pytest.raises(ValueError, match="there is no folder"):
        open_published("hf:no such name/at all")


def test_a_run_starts_from_a_folder(bert_config: Any, tmp_path: Path, command: Command) -> None:
    bert_config.vocab_size = 15
    folder = tmp_path / "small"
    saved(transformers.BertModel(bert_config), folder)
    save_tokenizer(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], ["[CLS]", "[SEP]"])
    few = ("data.length=16", "trainer.max_epochs=1", "+trainer.limit_train_batches=2", "optimizer.lr=0.0")
    result = command("model=bert", "init_from=hf:small", *few)
    assert result.returncode == 2
    size = "model.dim=16 model.num_layers=2 model.feedforward_ratio=1.5"
    assert f"type {size}." in result.stderr
    result = command("model=bert", "init_from=hf:small", *size.split(), *few, "run_dir=run")
    assert result.returncode == 0, result.stderr
    state = torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    expected = Published("small", folder)
    model = BERT(Text(15, 16, framed=True), Classes(("a", "b")), **BERT_OPTIONS)
    expected.load_into(model)
    assert torch.equal(state["model.blocks.1.attention.query.weight"], model.blocks[1].attention.query.weight)  # type: ignore[union-attr,arg-type]
