"""Tasks: one LightningModule per objective. A task owns step, metrics and objective, never the architecture."""
