"""Measurements of the project, each a module that is run by itself."""
