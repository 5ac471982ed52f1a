"""What runs on a cluster's node before and around a component."""
