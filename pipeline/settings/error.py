"""What every setting that cannot work is told with, be it of this machine, of a cluster or of the environment."""


class SettingsError(ValueError):
    """A setting that cannot work."""
