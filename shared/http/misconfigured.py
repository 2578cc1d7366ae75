"""The app that runs while a setting is missing or bad: it says so, and does nothing else.

Azure shows no error of an app that can't be loaded: it is "Running", has no functions, and answers everything with an
empty 404. The host does not keep what the app logs while it is loaded.
"""

import logging

import azure.functions as func

from shared.http.problems import Problem, secured
from shared.log import event
from shared.model.parts import say


def misconfigured(message: str) -> func.FunctionApp:
    """Health and the admin page answer 503, without the setting's name or value; `message` goes to the log.

    The queue is not read, so queued runs go on waiting. The timer ticks each hour, whatever SYNC_SCHEDULE says.
    """
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    def log() -> None:
        event("settings.bad", logging.CRITICAL, message=message)

    @app.timer_trigger("timer", schedule="0 0 * * * *", use_monitor=True)
    async def hourly_sync(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's argument
        log()

    for name, path in (("get_health", "health"), ("get_console", "console")):

        async def refuse(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the trigger's argument
            log()
            return secured(_REFUSED.answer())

        app.function_name(name)(app.route(path, methods=["GET"])(refuse))

    return app


_REFUSED = Problem(503, "A setting is missing or bad", say("settings.bad"))
