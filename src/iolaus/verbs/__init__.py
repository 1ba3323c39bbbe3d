"""What `iolaus VERB` does: each verb takes a run's folder, and rebuilds everything from it alone."""
