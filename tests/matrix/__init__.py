"""The matrix: every operation that is served × every kind of caller, as a file that is reviewed."""
