"""Lightning's trainer as a run uses it: moments to save at, checkpoints on disk, memory, the batch size."""
