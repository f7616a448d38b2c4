"""One settings tree, composed from the parameters that live beside what they tune."""
