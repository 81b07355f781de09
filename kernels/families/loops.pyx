"""Shapes and strides as nested loops."""


def merged(dims):
    """The fewest loops over [(length, (stride of an operand, ...)), ...], outermost first.

    Dimensions of one element are dropped, the others ordered by the stride of the last operand (where it
    has none, by the first's), and merged where every operand walks two of them as one.
    """
    loops = sorted([dim for dim in dims if dim[0] != 1], key=_distance, reverse=True)
    found = []
    for length, steps in loops:
        if found:
            outer_length, outer_steps = found.pop()
            if all([outer == inner * length for outer, inner in zip(outer_steps, steps, strict=True)]):
                length *= outer_length
            else:
                found.append((outer_length, outer_steps))
        found.append((length, steps))
    return found


def _distance(dim):
    return tuple([abs(step) for step in reversed(dim[1])])
