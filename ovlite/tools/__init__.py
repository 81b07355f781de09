"""Tools that come with OpenVINO, as far as they are here: ovc, which converts models."""
