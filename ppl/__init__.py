"""A probabilistic-programming language with automatic variational inference."""

__version__ = "0.1.0"
