"""How a model is trained: the loop and its parts."""
