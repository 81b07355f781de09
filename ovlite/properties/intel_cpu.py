"""Properties of the CPU device alone."""

from .declare import PropertyEnum, boolean, number, of


class TbbPartitioner(PropertyEnum):
    NONE = 0
    STATIC = 1
    AUTO = 2


denormals_optimization = boolean("CPU_DENORMALS_OPTIMIZATION")
sparse_weights_decompression_rate = number("CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE")
tbb_partitioner = of("TBB_PARTITIONER", TbbPartitioner)
