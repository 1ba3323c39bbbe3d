"""Trains one model, or many: `python train.py model=transformer optimizer=adamw`. All choices are in conf/."""

from iolaus.cli.train import train

if __name__ == "__main__":
    train()
