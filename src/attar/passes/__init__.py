"""The techniques: one file each, listed once in `catalog.py`; `pipeline.py` runs them over a network."""
