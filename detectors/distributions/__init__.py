"""Log-likelihoods of count and ratio distributions."""
