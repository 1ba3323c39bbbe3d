"""Texts: tokenizers, what their sources share, and one small file per source."""
