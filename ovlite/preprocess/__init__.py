"""Steps in front of and behind a model, made part of it."""

from .choices import ColorFormat, PaddingMode, ResizeAlgorithm
from .infos import InputInfo, InputModelInfo, InputTensorInfo, OutputInfo, OutputModelInfo, OutputTensorInfo
from .processor import PrePostProcessor
from .steps import PostProcessSteps, PreProcessSteps

__all__ = [
    "ColorFormat",
    "InputInfo",
    "InputModelInfo",
    "InputTensorInfo",
    "OutputInfo",
    "OutputModelInfo",
    "OutputTensorInfo",
    "PaddingMode",
    "PostProcessSteps",
    "PrePostProcessor",
    "PreProcessSteps",
    "ResizeAlgorithm",
]
