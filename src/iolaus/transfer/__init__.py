"""What a run starts from other than chance: weights of a run or of the hub, and which of them learn on."""
