"""The exceptions of OpenVINO's Python layer."""

from .errors import ConversionError, OVError, OVTypeError, UserInputError

__all__ = ["ConversionError", "OVError", "OVTypeError", "UserInputError"]
