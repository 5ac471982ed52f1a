"""`mobilenet report`: the page of a run, written and served."""
