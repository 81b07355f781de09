"""numpy functions, compiled: a function runs once on arrays that write down what is done with them, as a Model."""

from .jit import CompiledFunction as CompiledFunction
from .jit import Pending as Pending
from .jit import compile_function as compile_function
from .jit import jit as jit
