"""What is compared with, each in an environment of its own that the benchmark makes."""
