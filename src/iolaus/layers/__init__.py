"""What architectures share. Layers take plain typed arguments, never a config, and know nothing of Lightning."""
