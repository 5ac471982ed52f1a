"""Vertex AI and Kubeflow: settings for them, applied to a compiled file; submitting it, listing and following runs."""
