"""Arithmetic without graphs: rounding rules, uniform grids, codebooks, truncated SVD, second moments."""
