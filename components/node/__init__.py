"""What runs before and around a component: its driver here, its entrypoint on a cluster."""
