"""Errors whose message tells the user what to do."""


class ClipfaceError(Exception):
    """Something failed while running; the message names the cause and the mend (exit code 1)."""


class ClipfaceWarning(UserWarning):
    """Something works, but not as well as it could; the message names the mend."""


class InputError(ClipfaceError):
    """The user's input is wrong; the message names what and the mend (exit code 2)."""
