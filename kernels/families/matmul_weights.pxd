from ovlite.kernels.runtime.step cimport dim_t

from .matmul_kernels cimport ELEMENT_BYTES, Compression, MatmulKernel


cdef inline dim_t panel_width(const MatmulKernel* kernel, dim_t columns) noexcept nogil:
    """The width that a panel of `columns` columns is packed with."""
    return kernel.columns // 2 if columns <= kernel.columns // 2 else kernel.columns


cdef inline dim_t whole_blocks(dim_t depth, dim_t k_block) noexcept nogil:
    return (depth + k_block - 1) // k_block * k_block


cdef inline bint joins_taps(const MatmulKernel* kernel) noexcept nogil:
    """Whether tiles read copies of rows, in which all taps lie side by side."""
    return kernel.parts or kernel.widen_rows != NULL


cdef inline dim_t panel_depth(const MatmulKernel* kernel, dim_t taps, dim_t depth) noexcept nogil:
    """Elements of k in a panel: each tap is filled up to whole blocks, or all together where they are joined."""
    if joins_taps(kernel):
        return whole_blocks(taps * depth, kernel.k_block)
    return taps * whole_blocks(depth, kernel.k_block)


cdef inline int panel_size(const MatmulKernel* kernel) noexcept nogil:
    """Bytes of an element of a panel."""
    return 2 * kernel.parts if kernel.parts else ELEMENT_BYTES[kernel.b]


cdef class Kernel:
    cdef const MatmulKernel* row


cdef class PackedWeights:
    cdef readonly Kernel kernel
    cdef bint few_columns
    # [group][panel][tap][depth][width of the panel], and behind each panel what split_pairs() adds; few:
    # [group][column][tap][depth]
    cdef const unsigned char[::1] data
    cdef readonly dim_t groups
    cdef readonly dim_t taps
    cdef readonly dim_t depth
    cdef readonly dim_t columns
    cdef readonly dim_t joined
    cdef readonly dim_t nbytes
    cdef readonly dim_t group_bytes
    cdef readonly tuple window
    cdef readonly dim_t more
    cdef int fill(self, weights, char* to) except -1
    cdef tuple form(self, dim_t columns, dim_t joined)
    cdef int set_more(self, dim_t more, dim_t columns) except -1


cdef class CompressedWeights:
    cdef Compression compression
    cdef const unsigned char[::1] data            # [panel][column bytes][column of the panel]
    cdef readonly dim_t columns
    cdef readonly dim_t column_bytes
    cdef readonly dim_t nbytes
    cdef int fill(self, const unsigned char[::1] codes, const float[::1] scales, const float[::1] zeros, dim_t groups,
                  char* to) except -1
