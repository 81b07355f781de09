"""The names of inputs_info.py, at the place where openvino has them."""

from .inputs_info import (
    AppInputInfo,
    check_for_static,
    get_data_shapes_map,
    get_input_output_names,
    get_inputs_info,
    get_network_batch_size,
    parse_input_parameters,
    parse_scale_or_mean,
)

__all__ = [
    "AppInputInfo", "check_for_static", "get_data_shapes_map", "get_input_output_names", "get_inputs_info",
    "get_network_batch_size", "parse_input_parameters", "parse_scale_or_mean",
]  # fmt: skip
