"""The hourly schedule, in the six fields (seconds first) that Azure Functions uses, UTC."""

from datetime import UTC, datetime

from croniter import CroniterBadCronError, CroniterBadDateError, croniter


class Schedule:
    """An NCRONTAB expression; ValueError if it is none."""

    def __init__(self, expression: str) -> None:
        if len(expression.split()) != 6:
            raise ValueError("takes six fields, seconds first, such as '0 0 * * * *' for every hour")
        try:
            croniter(expression, second_at_beginning=True).get_next()
        except CroniterBadCronError as error:
            raise ValueError(f"takes six NCRONTAB fields, seconds first: {error}") from error
        except CroniterBadDateError as error:
            raise ValueError("names a time that never comes") from error
        self.expression = expression

    def next_after(self, moment: datetime) -> datetime:
        """The next time strictly after `moment`, which must carry a time zone."""
        times = croniter(self.expression, moment.astimezone(UTC), second_at_beginning=True)
        following: datetime = times.get_next(datetime)
        return following

    def __str__(self) -> str:
        return self.expression
