"""Tests of stochastic optimisation: batches, factors, networks, whole fits."""
