"""Solvers without models: how to spend a budget over layers."""
