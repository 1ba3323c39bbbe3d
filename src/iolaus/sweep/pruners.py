"""Optuna's pruners whose options could not be set one by one."""

from optuna.pruners import PatientPruner

from iolaus.ranges import Count, NonNegative


def patient(*, patience: Count = 3, min_delta: NonNegative = 0.0) -> PatientPruner:
    """Ends a trial whose last `patience` epochs were all worse than its best before them, by more than `min_delta`."""
    return PatientPruner(None, patience - 1, min_delta)  # Optuna's waits for one more
