"""Counter-based random numbers: a pure function of a key, so that any process draws the same ones.

Reference: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), splitmix64; the idea
of keys instead of a state: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / (1 << 53)


@njit(cache=True, nogil=True, inline="always")
def mix(key):  # type: ignore[no-untyped-def]
    """Finalizer of splitmix64: a bijection of u64 whose bits all depend on all bits of the key."""
    z = key + _GAMMA
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@njit(cache=True, nogil=True, inline="always")
def uniform(key):  # type: ignore[no-untyped-def]
    """A float in [0, 1) from a u64 key.

    >>> uniform(np.uint64(17)) == uniform(np.uint64(17))
    True
    """
    return float(mix(key) >> _S11) * _UNIT


@njit(cache=True, nogil=True)
def fill_gaussian(key, scale, out):  # type: ignore[no-untyped-def]
    """Fill the vector with independent N(0, scale²) numbers (Box-Muller), a function of the u64 key alone."""
    for place in range(len(out)):
        counter = key + _GAMMA * np.uint64(2 * place + 1)
        radius = math.sqrt(-2.0 * math.log(1.0 - uniform(counter)))
        out[place] = scale * radius * math.cos(2.0 * math.pi * uniform(counter + _GAMMA))
