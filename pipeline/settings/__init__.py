"""Where it runs: settings of this machine and of clusters, their files, the environment."""
