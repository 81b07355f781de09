"""Logging."""

from .declare import PropertyEnum, of


class Level(PropertyEnum):
    NO = -1
    ERR = 0
    WARNING = 1
    INFO = 2
    DEBUG = 3
    TRACE = 4


level = of("LOG_LEVEL", Level)
