"""From a source to checked, sharded examples, their report and their schema."""
