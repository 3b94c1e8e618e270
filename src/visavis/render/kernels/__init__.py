"""Per-frame mathematics, compiled by numba: plain arrays in, plain arrays out, nothing allocated."""
