"""The door through which Hydra finds our sweeper. It imports this folder at every start, so nothing heavy is in it."""
