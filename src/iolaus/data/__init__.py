"""Data: one LightningDataModule per kind of input (pictures, text, series), and one small file per source."""
