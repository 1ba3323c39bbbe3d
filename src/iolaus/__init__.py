"""Iolaus: which architecture and recipe works on my data, and why. Importing it imports nothing else."""

__version__ = "0.1.0"
