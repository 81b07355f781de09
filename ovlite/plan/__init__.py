"""Plans: a model at concrete shapes, as steps on an arena. The only room that imports kernels."""

from ..kernels.runtime.executor import Frame, Team
from ..kernels.runtime.failures import StepError
from .executable import Executable, Plan, Variable
from .options import Options, Precision, compute_types, fast_products
from .timing import Spans, StepTime, of_step, seconds_of

__all__ = [
    "Executable", "Frame", "Options", "Plan", "Precision", "Spans", "StepError", "StepTime", "Team", "Variable",
    "compute_types", "fast_products", "of_step", "seconds_of",
]  # fmt: skip
