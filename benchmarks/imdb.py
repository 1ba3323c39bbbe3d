"""How well each reader does on IMDB, beside NB-SVM, which reads no order and has to be beaten: makes the runs that are
missing, prints a table.

    python benchmarks/imdb.py FOLDER                        every run that FOLDER lacks, the cheapest first
    python benchmarks/imdb.py FOLDER --runs gru,pretrain    only of these, separated by commas
    python benchmarks/imdb.py FOLDER --table                runs nothing
    python benchmarks/imdb.py FOLDER --write docs/results.md

It can be stopped at any time: finished runs are known by their summary.json, an unfinished one goes on from its last
checkpoint. Each is made on one thread. IOLAUS_DATA names the folder that has aclImdb/.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from runs import make, summary, write

MARK = "benchmarks/imdb.py"
BASELINE = "nbsvm"
# From the cheapest to the dearest; {root} is the folder of all runs.
RUNS: dict[str, tuple[str, ...]] = {
    "textcnn": ("experiment=imdb_textcnn",),
    "transformer": ("experiment=imdb_transformer",),
    "lstm": ("experiment=imdb_lstm",),
    "gru": ("experiment=imdb_gru",),
    "bert": ("experiment=imdb_bert",),
    "from_scratch": ("experiment=imdb_finetune",),
    "pretrain": ("experiment=imdb_pretrain",),
    "finetune": ("experiment=imdb_finetune", "init_from={root}/pretrain"),
}


def origin(name: str) -> str:
    """The run that this one starts from; empty where it starts from nothing."""
    return next((text.partition("{root}/")[2] for text in RUNS[name] if "{root}/" in text), "")


def nbsvm(texts: Path) -> float:
    """Test accuracy of a linear classifier of which words, pairs and triples a review has, each weighed by how much
    surer a naive Bayes classifier is after it (Wang & Manning 2012, "Baselines and bigrams"; with triples: Mesnil et
    al. 2014, arXiv:1412.5335, 91.87 %)."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    from iolaus.data.text.imdb import IMDB

    train, test = IMDB(root=str(texts), batch_size=1).labelled()
    has = CountVectorizer(ngram_range=(1, 3), binary=True, token_pattern=r"\w+|[^\w\s]", dtype=np.float32)
    features = has.fit_transform(train.texts)  # (texts, words, pairs and triples), sparse
    is_positive = np.array([label == "positive" for label in train.labels])
    for_it, against_it = (1 + features[is_positive == verdict].sum(axis=0).A1 for verdict in (True, False))
    ratios = np.log(for_it / for_it.sum()) - np.log(against_it / against_it.sum())
    classifier = LogisticRegression(solver="liblinear", dual=True, max_iter=200)
    classifier.fit(features.multiply(ratios).tocsr(), is_positive)
    said = classifier.predict(has.transform(test.texts).multiply(ratios).tocsr())
    return float((said == np.array([label == "positive" for label in test.labels])).mean())


def baseline(root: Path) -> None:
    """Leaves what NB-SVM reached beside the runs."""
    started = time.perf_counter()
    accuracy = nbsvm(Path(os.environ["IOLAUS_DATA"]))
    found = {"status": "finished", "test/accuracy": accuracy, "fit_seconds": time.perf_counter() - started}
    folder = root / BASELINE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(found))


def table(root: Path) -> list[str]:
    lines = ["| run | parameters | best epoch, of | test accuracy | fit time |", "| --- | --- | --- | --- | --- |"]
    for name in (BASELINE, *RUNS):
        found = summary(root / name)
        if "test/accuracy" in found:  # a language model has none
            size = f"{found['num_parameters']:,}" if "num_parameters" in found else ""
            epochs = f"{found['best_epoch'] + 1}, {found['num_epochs']}" if "best_epoch" in found else ""
            accuracy, seconds = f"{100 * found['test/accuracy']:.2f} %", f"{found['fit_seconds']:.0f} s"
            lines.append(f"| {name} | {size} | {epochs} | {accuracy} | {seconds} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", default=",".join((BASELINE, *RUNS)))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    root = options.folder.resolve()
    missing = [name for name in options.runs.split(",") if not summary(root / name)]
    for name in [] if options.table or options.write else missing:
        if name == BASELINE:
            baseline(root)
        elif origin(name) and not summary(root / origin(name)):
            print(f"{name}: starts from {origin(name)}, which has not finished", file=sys.stderr)
        else:
            make(root / name, [text.format(root=root) for text in RUNS[name]], OMP_NUM_THREADS="1")
    lines = table(root)
    print("\n".join(lines))
    if options.write:
        write(options.write, MARK, lines)


if __name__ == "__main__":
    main()
