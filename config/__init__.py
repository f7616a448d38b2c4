"""One settings tree, composed of the parameter classes that stand next to the code they tune."""
