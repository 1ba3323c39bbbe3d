"""What a run leaves behind, and how it is written so that no crash spoils it."""
