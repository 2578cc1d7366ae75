"""How much longer a sync takes. Pure."""


def eta_seconds(
    left: int, done: int, elapsed: float, quota_left: float, quota_per_second: float, paused: float = 0.0
) -> int | None:
    """Seconds until the `left` changes are made; None before the first one is done.

    The longest of three estimates: by the speed so far (`done` changes in `elapsed` seconds), by the write quota, and
    by the pause that Graph asked for (`paused` seconds). `quota_left` is negative while other processes have taken more
    of it than there was.
    """
    if left <= 0:
        return 0
    if done <= 0 or elapsed <= 0:
        return None
    by_speed = left * elapsed / done
    by_quota = max(0.0, left - quota_left) / quota_per_second
    return round(max(by_speed, by_quota, paused))
