from ovlite.kernels.runtime.step cimport View

# `out`, when it has this shape, (N, H, W, C); a new array of the layout and type of `x`, (N, C, H, W), when it is None.
cdef object result_images(out, shape, View x)

# The images (N, H, W, C) of a View as the (N, C, H, W) that steps take.
cdef View channels_second(View view)
