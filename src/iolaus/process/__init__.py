"""What befalls a run's process: signals, failures, messages from its parent, SLURM's time limit."""
