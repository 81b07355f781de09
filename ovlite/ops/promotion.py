"""Type promotion: the element type that holds the values of two others.

Kinds are ranked boolean, integer, real, and the higher kind wins. Integers of mixed signs need a
signed type longer than the unsigned one. A promotion that may lose values is unsafe: to a real type
less than twice as long as the integer, of u64 with a signed integer, and the like.
"""

from __future__ import annotations

from ..types import Type
from .axes import require

_BOOLEAN, _INTEGER, _REAL = range(3)


def _kind(element_type: Type) -> int:
    return _REAL if element_type.real else _INTEGER if element_type.integral_number else _BOOLEAN


def promoted(left: Type, right: Type, unsafe: bool, u64_target: Type) -> Type:
    """The type of both operands after promotion. Raises ModelError when it is unsafe and `unsafe` is false.

    u64_target: what u64 and a signed integer become.
    """
    low, high = sorted((left, right), key=lambda found: (_kind(found), found.bitwidth))
    if low is high or _kind(low) == _BOOLEAN:
        return high
    if _kind(low) != _kind(high):
        _require_safe(unsafe or high.bitwidth >= 2 * low.bitwidth, left, right)
        return high
    if low.bitwidth == high.bitwidth and _kind(low) == _REAL:
        _require_safe(unsafe, left, right)
        return Type.f32 if low.bitwidth == 16 else Type.f16
    if _kind(low) == _REAL or low.signed == high.signed:
        return high
    return _mixed_signs(left, right, unsafe, u64_target)


def _mixed_signs(left: Type, right: Type, unsafe: bool, u64_target: Type) -> Type:
    signed, unsigned = (left, right) if left.signed else (right, left)
    if signed.bitwidth > unsigned.bitwidth:
        return signed
    _require_safe(unsafe, left, right)
    return u64_target if unsigned is Type.u64 else Type._named(f"i{2 * unsigned.bitwidth}")


def promoted_by_scalar(tensor: Type, scalar: Type, unsafe: bool, u64_target: Type) -> Type:
    """The same when one operand is a scalar: it changes the type of the other only if it is of a higher kind."""
    if _kind(scalar) > _kind(tensor):
        return promoted(tensor, scalar, unsafe, u64_target)
    if _kind(scalar) == _kind(tensor) != _BOOLEAN:
        # OpenVINO lets an unsigned scalar be twice as long as a signed tensor.
        longest = tensor.bitwidth * (2 if tensor.signed and not scalar.signed else 1)
        fits = scalar.bitwidth <= longest and (tensor.signed or not scalar.signed)
    else:
        fits = _kind(scalar) == _BOOLEAN or tensor.bitwidth >= 2 * scalar.bitwidth
    _require_safe(unsafe or fits, tensor, scalar)
    return tensor


def _require_safe(safe: bool, left: Type, right: Type) -> None:
    names = f"{left.name} and {right.name}"
    require(safe, f"{names} can't be promoted to one type without losing values; set promote_unsafe")
