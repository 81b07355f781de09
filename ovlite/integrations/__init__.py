"""Models on engines that spread work over processes and machines: ray, dask, spark; each is imported with its module.

`batches.Batches` is what they run: batches of any length on one compiled model a process.
"""
