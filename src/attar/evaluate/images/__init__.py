"""From pictures to the numbers that a network expects: files of any mode, Hugging Face's processors, options."""

from .preprocessing import CONFIG_NAME, Preprocessing, read_config

__all__ = ["CONFIG_NAME", "Preprocessing", "read_config"]
