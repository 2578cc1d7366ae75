"""The password of a created user: random, never logged or stored, changed at the first sign-in."""

import string

from shared.clock import Chance

LENGTH = 24
# Entra wants three of these four classes ("Password policies", Microsoft Entra ID); all four are given.
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#$%&*+-=?@_")


def random_password(chance: Chance) -> str:
    """24 characters with at least one of each class."""
    characters = [chance.choice(group) for group in _CLASSES]
    characters += [chance.choice("".join(_CLASSES)) for _ in range(LENGTH - len(characters))]
    chance.shuffle(characters)
    return "".join(characters)
