"""From a model's text to its syntax tree, and back to text."""
