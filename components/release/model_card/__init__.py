"""The model card of a release bundle, for people: Markdown and HTML from the same facts."""
