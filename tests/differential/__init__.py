"""Random models of one to four nodes, held against other runtimes and formulas in numpy.

draw       random sizes, element types and values
cases      a case: nodes, tensors, what is declared of them; how it becomes a model, and text that reproduces it
makers     how a random node of each operator is made: one module a family, one table for all
formulas   operators in float64 by numpy, from the specification
peers      onnxruntime without optimisation, onnx.reference and openvino, in a process that may die
judge      compares and votes
exceptions where a difference or a refusal is right, with the sentence that decides it

`python -m tests.differential --help` runs many cases and reports by operator.
"""
