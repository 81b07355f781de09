"""Random numbers. With a seed they are the same in every inference, and the ones that OpenVINO draws first.

Seeds that are both 0 ask for numbers that differ from run to run.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import (
    index_type,
    integer,
    known_length,
    length_of,
    one_of,
    require,
    require_integers,
    require_rank,
    static_shapes,
)
from .declare import Declared

_WORD = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(key: int, counter: int, steps: int) -> Array:
    """[steps, 4] random 32-bit words: Philox4x32 of ten rounds.

    Words 0 and 1 of the block counter are the step, 2 and 3 are `counter`; both it and `key` have 64 bits.
    Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.
    """
    step = np.arange(steps, dtype=np.uint64)
    a, b = step & _WORD, step >> _HALF
    c, d = np.full_like(step, counter & 0xFFFFFFFF), np.full_like(step, counter >> 32)
    low, high = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        first, second = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (
            (second >> _HALF) ^ b ^ np.uint64(low),
            second & _WORD,
            (first >> _HALF) ^ d ^ np.uint64(high),
            first & _WORD,
        )
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([a, b, c, d], 1)


def mersenne(count: int, *seeds: int) -> Array:
    """32-bit words of a Mersenne twister, seeded with one number, or with several through C++'s std::seed_seq."""
    if len(seeds) == 1:
        words = np.random.RandomState(seeds[0] & 0xFFFFFFFF).randint(0, 2**32, count, np.uint32)
        return words.astype(np.uint64)
    generator = np.random.MT19937()
    generator.state = {"bit_generator": "MT19937", "state": {"key": _seed_sequence(seeds), "pos": 624}}
    return np.asarray(generator.random_raw(count), np.uint64)


def _seed_sequence(seeds: Sequence[int], n: int = 624) -> Array:
    """The n words that std::seed_seq makes of seeds (C++ standard, rand.util.seedseq; n is at least 623)."""
    words, s = [0x8B8B8B8B] * n, len(seeds)
    p, q = (n - 11) // 2, (n - 11) // 2 + 11
    for k in range(2 * n):
        i, j, last = k % n, (k + p) % n, words[k - 1 if k <= n else k - 1 - n]
        if k < n:
            mixed = words[i] ^ words[j] ^ last
            mixed = 1664525 * (mixed ^ (mixed >> 27)) & 0xFFFFFFFF
            added = s if k == 0 else k + (seeds[k - 1] if k <= s else 0)
            replaced = (mixed + added) & 0xFFFFFFFF
            words[j] = (words[j] + mixed) & 0xFFFFFFFF
            words[(k + q) % n] = (words[(k + q) % n] + replaced) & 0xFFFFFFFF
        else:
            mixed = (words[i] + words[j] + last) & 0xFFFFFFFF
            mixed = 1566083941 * (mixed ^ (mixed >> 27)) & 0xFFFFFFFF
            replaced = (mixed - i) & 0xFFFFFFFF
            words[j] ^= mixed
            words[(k + q) % n] ^= replaced
        words[i] = replaced
    return np.array(words, np.uint32)


@dataclass(frozen=True)
class RandomUniform(Declared):
    """Evenly distributed numbers from min_val up to but without max_val.

    alignment: the numbers of tensorflow (Philox, keyed by global_seed, counting from op_seed) or of
    pytorch (Mersenne twister, seeded with global_seed).
    """

    output_type: Type = Type.f32
    global_seed: int = 0
    op_seed: int = 0
    alignment: str = "tensorflow"

    type = "RandomUniform"
    opset = "opset8"
    factory = "random_uniform"
    signature = "output_shape, min_val, max_val, output_type, global_seed=0, op_seed=0, alignment='tensorflow'"
    inputs = ("output_shape", "min_val", "max_val")
    since = 8
    value_inputs: ClassVar[tuple[int, ...]] = (0,)
    stateful: ClassVar[bool] = True

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.alignment, ("tensorflow", "pytorch"), "alignment")
        require(min(self.global_seed, self.op_seed) >= 0, "seeds are not negative")
        known = self.output_type in (Type.f32, Type.f16, Type.bf16, Type.f64, Type.i32, Type.i64)
        require(known, f"expected output_type to be f16, bf16, f32, f64, i32 or i64, got {self.output_type.name}")
        target, low, high = inputs
        require_integers(target, "the elements of output_shape")
        require_rank(target, 1, "output_shape")
        for name, argument in (("min_val", low), ("max_val", high)):
            require_rank(argument, (0, 1), name)
            require(
                argument.element_type.compatible(self.output_type),
                f"expected {name} to be of output_type {self.output_type.name}, got {argument.element_type.name}",
            )
        if low.value is not None and high.value is not None:
            require(low.value.item() < high.value.item(), f"min_val {low.value} is less than max_val {high.value}")
        count = length_of(target)
        shape = PartialShape.dynamic(count) if target.partial is None else PartialShape(target.partial.dimensions())
        return [TensorType(self.output_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        shape = tuple(int(length) for length in inputs[0])
        low, high = inputs[1].item(), inputs[2].item()
        require(low < high, f"min_val {low} is less than max_val {high}")
        require(min(shape, default=0) >= 0, f"output_shape {list(shape)} has a negative dimension")
        count = prod(shape)
        seeds = (self.global_seed, self.op_seed)
        if seeds == (0, 0):
            seeds = (secrets.randbits(32), secrets.randbits(32))
        words = self._words(count, seeds, high - low)
        return [_scaled(words, low, high, self.output_type, self.alignment == "pytorch").reshape(shape)]

    def _words(self, count: int, seeds: tuple[int, int], span: float) -> Array:
        """A random word for each element, of 64 bits where the output type has as many."""
        wide = self.output_type.size == 8
        if self.alignment == "pytorch":
            if not wide or (self.output_type is Type.i64 and span < 2**32):
                return mersenne(count, seeds[0])
            pairs = mersenne(2 * count, seeds[0]).reshape(count, 2)
            return (pairs[:, 0] << _HALF) | pairs[:, 1]
        steps = philox(*seeds, -(-count // (2 if wide else 4)))
        if wide:
            high = 0 if self.output_type.real else 1  # which word of a pair comes first
            steps = (steps[:, high::2] << _HALF) | steps[:, 1 - high :: 2]
        return steps.ravel()[:count]


def _scaled(words: Array, low: Any, high: Any, element_type: Type, torch: bool) -> Array:
    """Random words as numbers from low to high."""
    if element_type.integral_number:
        return np.asarray((words % np.uint64(high - low)).astype(np.int64) + low, element_type.to_dtype())
    dtype: Any = np.float64 if element_type is Type.f64 else np.float32
    bits = (53 if torch else 52) if element_type is Type.f64 else (24 if torch else 23)
    unit = (words & np.uint64(2**bits - 1)).astype(dtype) * dtype(0.5**bits)
    return np.asarray(unit * dtype(high - low) + dtype(low))


@dataclass(frozen=True)
class Multinomial(Declared):
    """Classes drawn by their probabilities.

    probs: [batch, classes], not negative, or their logarithms (log_probs); they need not sum up to 1.
    The output is [batch, num_samples] in convert_type. Without replacement a class is drawn at most once.
    """

    convert_type: Type = Type.i64
    with_replacement: bool = False
    log_probs: bool = False
    global_seed: int = 0
    op_seed: int = 0

    type = "Multinomial"
    opset = "opset13"
    factory = "multinomial"
    signature = "probs, num_samples, convert_type, with_replacement, log_probs, global_seed=0, op_seed=0"
    inputs = ("probs", "num_samples")
    since = 13
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    stateful: ClassVar[bool] = True

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        probs, samples = inputs
        index_type(self.convert_type, "convert_type")
        require(min(self.global_seed, self.op_seed) >= 0, "seeds are not negative")
        require(
            probs.element_type.real or probs.element_type.is_dynamic(),
            f"expected probs to be real numbers, got {probs.element_type.name}",
        )
        require_rank(probs, 2, "probs")
        require_integers(samples, "numbers of samples")
        require_rank(samples, (0, 1), "num_samples")
        count = integer(samples, "num_samples")
        require(count is None or count >= 0, f"expected num_samples to be 0 or more, got {count}")
        batch = Dimension()
        if probs.shape.has_rank:
            batch, classes = probs.shape
            enough = count is None or self.with_replacement or classes.is_dynamic or count <= classes.get_length()
            require(enough, f"expected at least {count} classes for as many samples without replacement, got {classes}")
        return [TensorType(self.convert_type, PartialShape([batch, known_length(count)]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        probs = inputs[0]
        shape = static_shapes(self, *inputs)[0]
        weights = np.exp(probs) if self.log_probs else probs
        sums = np.cumsum(weights, 1, dtype=probs.dtype)
        sums = sums / np.maximum(sums[:, -1:], np.finfo(probs.dtype).tiny)
        seeds = (self.global_seed, self.op_seed)
        words = mersenne(prod(shape), *(seeds if any(seeds) else (secrets.randbits(32), secrets.randbits(32))))
        draws = (words.astype(np.float32) / np.float32(2**32 - 1)).astype(probs.dtype).reshape(shape)
        output = np.zeros(shape, self.convert_type.to_dtype())
        for row, column in np.ndindex(*shape):
            found = min(int(np.searchsorted(sums[row], draws[row, column])), probs.shape[1] - 1)
            output[row, column] = found
            if not self.with_replacement:
                _take_out(sums[row], found)
        return [output]


def _take_out(sums: Array, found: int) -> None:
    """Leaves a class out of cumulative probabilities."""
    share = sums[found] - (sums[found - 1] if found else 0)
    sums[found:] -= share
    with np.errstate(all="ignore"):
        sums /= 1 - share
