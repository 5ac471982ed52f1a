"""What is said on the terminal and in the log."""
