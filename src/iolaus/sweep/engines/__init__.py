"""Where trials run: here, on a Ray cluster, or as jobs of SLURM."""
