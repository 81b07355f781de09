from ovlite.kernels.runtime.step cimport View

# View of an array on slot `slot`, whose address is set.
cdef View bind(int slot, array, char** slots)

# `out`, when it has this shape and dtype; a new array when it is None.
cdef object result_array(out, shape, dtype)

# An f32 `out` for the images (N, H, W, C) of `shape`; a new array in the layout of `x`, (N, C, H, W), when it is None.
cdef object result_images(out, shape, View x)

# The images (N, H, W, C) of a View as the (N, C, H, W) that steps take.
cdef View channels_second(View view)
