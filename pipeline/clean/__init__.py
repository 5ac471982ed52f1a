"""`mobilenet clean`: what a work directory holds for runs that nobody looks at again."""
