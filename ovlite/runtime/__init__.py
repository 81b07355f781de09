"""The run-time API: compiled models, requests, queues, tensors, ports and properties.

`import ovlite.runtime` gives the names of the front door, as openvino.runtime did, where openvino's API once was;
`import ovlite.runtime.opset13` and the like give the modules of ovlite.
"""

import sys

from .._lazy import attach
from .aliases import Finder

sys.meta_path.insert(0, Finder)
__getattr__, __dir__, __all__ = attach(globals())
del attach, sys
