"""Passes that users write and run, as openvino.passes has them."""

from __future__ import annotations

from typing import Any

from ..graph import Model


class PassBase:
    """Something that is done to models."""

    _name: str | None = None

    def get_name(self) -> str:
        return type(self).__name__ if self._name is None else self._name

    def set_name(self, name: str) -> None:
        self._name = name

    def _run(self, model: Model) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not say what it does to a model")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class ModelPass(PassBase):
    """A pass that takes a model as a whole: a subclass defines run_on_model(model), which changes it in place."""

    def run_on_model(self, model: Model) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.run_on_model")

    def _run(self, model: Model) -> None:
        self.run_on_model(model)


class Manager:
    """Runs passes on models, in the order in which they were registered."""

    def __init__(self) -> None:
        self.passes_list: list[PassBase] = []
        self._validates = True

    def register_pass(self, transformation: PassBase) -> PassBase:
        """Adds a pass, and gives it back."""
        if not isinstance(transformation, PassBase):
            raise TypeError(
                f"expected a pass to be an instance of ModelPass, MatcherPass or GraphRewrite, got {transformation!r}"
            )
        self.passes_list.append(transformation)
        return transformation

    def run_passes(self, model: Model) -> None:
        """Changes a model in place."""
        if not isinstance(model, Model):
            raise TypeError(f"expected a Model to run passes on, got {type(model).__name__}")
        for transformation in self.passes_list:
            transformation._run(model)
            if self._validates:
                model.validate_nodes_and_infer_types()

    def set_per_pass_validation(self, new_state: bool) -> None:
        """Return whether shapes and types are inferred anew behind each pass, as they are by default."""
        self._validates = bool(new_state)
