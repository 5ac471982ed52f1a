"""Whether a file may ship: three kinds of evidence, and the one blessing."""
