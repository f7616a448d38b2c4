"""What each series should carry in this window, with its dispersion and its own error, learned online."""
