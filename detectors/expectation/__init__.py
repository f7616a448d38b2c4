"""The expected traffic of each series in this window, with its dispersion and its own error, learned online."""
