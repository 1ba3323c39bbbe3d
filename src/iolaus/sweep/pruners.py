"""Optuna's pruners whose options could not be set one by one."""

from optuna.pruners import PatientPruner

from iolaus.ranges import Count, NonNegative


def patient(*, patience: Count = 3, min_delta: NonNegative = 0.0) -> PatientPruner:
    """Ends a trial that has not improved by more than `min_delta` for `patience` epochs."""
    return PatientPruner(None, patience, min_delta)
