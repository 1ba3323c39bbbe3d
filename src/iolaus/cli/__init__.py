"""The command lines: `python train.py …` makes runs, `iolaus VERB …` works on what they left."""
