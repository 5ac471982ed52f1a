"""The one error for what the user can mend: data or disk. Everything that reads pictures raises it."""


class DataError(ValueError):
    """The user's data or disk stands in the way. The message says what was got, what was wanted and what to do."""
