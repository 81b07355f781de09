"""Kernel families: each module is built once for each level, as a module of a package of the level's name."""
