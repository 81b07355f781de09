"""The run-time API: compiled models, requests, queues, tensors, ports and properties.

`import ovlite.runtime` gives the names of the front door, as openvino.runtime did, where openvino's API once was.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(globals())
del attach
