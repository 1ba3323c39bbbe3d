"""Tasks: one LightningModule per objective. A task owns the step, the metrics and the objective, never the architecture."""
