"""Callbacks: what watches or steers a run. Those that need a metric read it from the task's objective."""
