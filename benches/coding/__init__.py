"""The parts of benches/codec.py: what is measured in each, and the tables that it becomes.

A part has `measure`, which yields plain records one by one, and `tables`, which makes markdown of any number of them.
"""
