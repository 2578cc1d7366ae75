"""How long a sync still takes. Pure."""


def eta_seconds(
    left: int, done: int, elapsed: float, quota_left: float, quota_per_second: float, paused: float = 0.0
) -> int | None:
    """The longest of what the speed seen, the quota that is left and a pause Graph asked for allow.

    None before anything is done.
    """
    if left <= 0:
        return 0
    if done <= 0 or elapsed <= 0:
        return None
    by_speed = left * elapsed / done
    by_quota = max(0.0, left - max(0.0, quota_left)) / quota_per_second
    return round(max(by_speed, by_quota, paused))
