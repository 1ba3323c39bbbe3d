"""Architectures: plain modules that know nothing of Lightning or Hydra. One file and one yaml make one."""
