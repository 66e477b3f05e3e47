"""Reports: a fit as a table for people and as JSON for programs."""
