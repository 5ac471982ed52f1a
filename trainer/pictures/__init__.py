"""One picture: whether it is taken, and as which bytes."""
