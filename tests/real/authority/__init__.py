"""The gateway as a client of an authority that nobody here wrote."""
