"""Failure ratios by response-code family against their baseline."""
