"""The family of models: `mobilenet models`, `choose`, `zoo`, `download`, `import-checkpoint`."""
