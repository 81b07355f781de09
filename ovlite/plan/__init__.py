"""Plans: a model at concrete shapes, as steps on an arena. The only room that imports kernels."""

from ..kernels.runtime.executor import Frame, StepError, Team
from .executable import Executable, Plan, Variable
from .options import Options, Precision, compute_types

__all__ = ["Executable", "Frame", "Options", "Plan", "Precision", "StepError", "Team", "Variable", "compute_types"]
