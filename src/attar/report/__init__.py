"""Figures to read: rows about layers, tables for a terminal, plain JSON."""
