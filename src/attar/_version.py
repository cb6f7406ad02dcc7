"""The version, in one place that every room may read."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("attar")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0"
