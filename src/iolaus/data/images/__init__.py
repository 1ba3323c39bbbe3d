"""Pictures: what their sources share, augmentation, reading files, and one small file per source."""
