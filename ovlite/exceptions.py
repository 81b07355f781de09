"""The exceptions of OpenVINO's Python layer."""

from .errors import OVError, OVTypeError, UserInputError

__all__ = ["OVError", "OVTypeError", "UserInputError"]
