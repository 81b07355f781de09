# cython: embedsignature=True, embedsignature.format=clinic
"""Names of a model's tensors, and the mapping in which results are handed out."""

import numpy as np

cimport cython


cdef class Ports:
    """The inputs and outputs of a compiled model, and the keys that name them.

    inputs, outputs: port objects, all of one class, that have a set `names`.
    input_keys, output_keys: index by name and by port; the first port that has a name wins.
    """

    def __init__(self, inputs, outputs, type port_class, bint strings=False):
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.port_class = port_class
        self.strings = strings
        self.rename()

    def rename(self):
        """Reads the names of the ports anew."""
        self.input_keys = _keys(self.inputs)
        self.output_keys = _keys(self.outputs)


cdef dict _keys(tuple ports):
    keys = {}
    for index, port in enumerate(ports):
        keys[port] = index
        for name in port.names:
            keys.setdefault(name, index)
    return keys


@cython.final
@cython.freelist(16)
cdef class OVDict:
    """Results of an inference: arrays by output port, name or index, in the model's output order.

    A Mapping whose keys are ports. Keys of any other type raise TypeError, unknown ones KeyError.
    """

    def __init__(self, dict results not None):
        """results: arrays by port."""
        cdef tuple outputs = tuple(results)
        self.ports = Ports((), outputs, type(outputs[0]) if outputs else object)
        self.values_ = list(results.values())
        self.whole = results

    def __getitem__(self, key):
        cdef Py_ssize_t index, count = len(self.values_)
        cdef dict names = self.ports.output_keys
        if isinstance(key, int):
            if not -count <= key < count:
                raise KeyError(f"output {key} of {count}")
            index = key
            if index < 0:
                index += count
        elif isinstance(key, (str, self.ports.port_class)):
            found = names.get(key)
            if found is None:
                raise KeyError(f"{key!r}; the outputs are {[name for name in names if isinstance(name, str)]}")
            index = found
        else:
            raise TypeError(f"expected a result to be named by int, str or ConstOutput, got {type(key).__name__}")
        if self.whole is not None:
            return self.whole[self.ports.outputs[index]]
        return self.values_[index]

    def __contains__(self, key):
        try:
            self[key]
        except KeyError:
            return False
        return True

    def get(self, key, default=None):
        """The array that `key` names, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default

    def to_dict(self):
        """The dict, by port, that this mapping then reads."""
        if self.whole is None:
            self.whole = dict(zip(self.ports.outputs, self.values_))
        return self.whole

    def to_tuple(self):
        """The arrays, in the model's output order."""
        return tuple(self.values_) if self.whole is None else tuple(self.whole.values())

    def names(self):
        """A tuple of the sets of names of each output."""
        return tuple([port.names for port in self.ports.outputs])

    def keys(self):
        return self.to_dict().keys()

    def values(self):
        return self.to_dict().values()

    def items(self):
        return self.to_dict().items()

    def __iter__(self):
        return iter(self.to_dict())

    def __len__(self):
        return len(self.values_) if self.whole is None else len(self.whole)

    def __eq__(self, other):
        if isinstance(other, OVDict):
            other = other.to_dict()
        return self.to_dict() == other if isinstance(other, dict) else NotImplemented

    __hash__ = None
    __reversed__ = None

    def __copy__(self):
        return make_result(self.ports, list(self.to_tuple()))

    def __deepcopy__(self, memo):
        """Copies of the arrays, under the same keys."""
        return make_result(self.ports, [value.copy() for value in self.to_tuple()])

    def __reduce__(self):
        return restored, (self.ports.outputs, self.ports.port_class, self.ports.strings, list(self.to_tuple()))

    def __repr__(self):
        return repr(self.to_dict())

    def _repr_html_(self):
        """A table of the outputs, as notebooks show it."""
        from html import escape

        rows = []
        for index, value in enumerate(self.to_tuple()):
            name = ", ".join(sorted(self.ports.outputs[index].names)) or str(index)
            elements = np.array2string(value, threshold=8, edgeitems=2)
            cells = (name, str(value.dtype), str(list(value.shape)), elements)
            rows.append("".join(f"<td style='text-align:left'><pre>{escape(cell)}</pre></td>" for cell in cells))
        titles = ("output", "dtype", "shape", "elements")
        header = "".join(f"<th style='text-align:left'>{title}</th>" for title in titles)
        return f"<table><tr>{header}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def restored(tuple outputs, type port_class, bint strings, list values):
    """Results from their pickle: their keys are ports that belong to no model."""
    return make_result(Ports((), outputs, port_class, strings), values)
