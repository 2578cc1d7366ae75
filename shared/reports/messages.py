"""Happenings as receivers take them: a CloudEvent, an Adaptive Card for Teams, a message of Slack. Pure.

They hold counts and links. What comes from elsewhere is never read as markup: a name with `<!channel>` calls nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import quote

from shared.model.notifications import Event, Happening, Notification
from shared.model.parts import Language, Parts, say
from shared.model.told import MOST_ALIKE
from shared.words import said

Message = dict[str, Any]

# By Slack, in characters of one block.
_LONGEST_BLOCK = 3_000
_TITLES: Mapping[Event | str, Callable[[str, int], Parts]] = {
    "run.cancelled": lambda domain, _: say("notify.cancelled", domain=domain),
    "run.failed": lambda domain, _: say("notify.failed", domain=domain) if domain else say("notify.unread"),
    "run.recovered": lambda domain, _: (
        say("notify.recovered", domain=domain) if domain else say("notify.readAgain")
    ),
    "protection.off": lambda domain, _: say("notify.protectionOff", domain=domain),
    "people.failing": lambda domain, count: say("notify.failing", domain=domain, count=count),
    "questions.open": lambda domain, count: say("notify.questions", domain=domain, count=count),
    "approval.waiting": lambda _, count: say("notify.approvals", count=count),
    "leaver.blocked": lambda domain, count: say("notify.leaversBlocked", domain=domain, count=count),
    "leaver.due": lambda domain, count: say("notify.leaversDue", domain=domain, count=count),
    "hold.ending": lambda domain, count: say("notify.holdsEnding", domain=domain, count=count),
    "pause.started": lambda domain, _: say("notify.pauseStarted", domain=domain),
    "pause.ended": lambda domain, _: say("notify.pauseEnded", domain=domain),
    "sync.firstClean": lambda domain, _: say("notify.firstClean", domain=domain),
    "digest.daily": lambda _, __: say("notify.daily"),
    "digest.weekly": lambda _, __: say("notify.weekly"),
    "test": lambda _, __: say("notify.test"),
}
_LABELS: Mapping[str, Parts] = {
    "console": say("notify.openConsole"),
    "review": say("notify.review"),
    "run": say("notify.openRun"),
}


def message(
    notification: Notification, happening: Happening, base: str, language: Language, heads: Mapping[str, str]
) -> Message:
    """The body. `base` is the app's address, such as `https://sync.example.com`; empty if it is not known.

    `heads`: those of the log's chains, by what they are of. Where the message goes, they are kept.
    """
    title = said(_title(happening), language)
    text = said(_text(happening, names=notification.names), language)
    links = _links(happening, base)
    if notification.kind == "webhook":
        name = happening.id_for(notification.id)
        return _cloud_event(happening, name, base, title, text, links, heads)
    labelled = {said(_LABELS[name], language): link for name, link in links.items()}
    kept = tuple(f"{name} {head}" for name, head in heads.items())
    texts = [text, said(say("notify.heads", heads=kept), language) if kept else ""]
    texts = [one for one in texts if one]
    return _card(title, texts, labelled) if notification.kind == "teams" else _blocks(title, texts, labelled)


def _title(happening: Happening) -> Parts:
    return _TITLES[happening.event](happening.domain, sum(happening.counts.values()))


def _text(happening: Happening, *, names: bool) -> Parts:
    text = happening.text + (happening.details if names else ())
    if happening.since:
        since = f"{happening.since.astimezone(UTC):%Y-%m-%d %H:%M}"
        text += say("notify.stillSo", since=since, times=happening.times)
    return text + say("notify.quiet") if happening.times == MOST_ALIKE else text


def _links(happening: Happening, base: str) -> dict[str, str]:
    """Places of the console, by what they are for."""
    if not base:
        return {}
    console, domain = f"{base}/api/console", quote(happening.domain)
    if happening.event == "approval.waiting":
        return {"console": f"{console}#/approvals"}
    if not domain:
        return {"console": console}
    run = f"{console}#/domains/{domain}/runs/{quote(happening.run_id)}"
    if not happening.run_id:
        return {"console": f"{console}#/domains/{domain}/sync-logs"}
    if happening.event != "run.cancelled":
        return {"run": run}
    return {"review": f"{run}?dialog=sync-now&on={domain}", "run": run}


def _cloud_event(
    happening: Happening,
    name: str,
    base: str,
    title: str,
    text: str,
    links: Mapping[str, str],
    heads: Mapping[str, str],
) -> Message:
    """CloudEvents 1.0, as structured JSON."""
    seen = happening.model_dump(mode="json", by_alias=True)
    data = {
        "title": title,
        "text": text,
        "counts": seen["counts"],
        "links": dict(links),
        "runId": happening.run_id or None,
        "times": happening.times,
        "since": seen["since"],
        "heads": dict(heads),
    }
    return {
        "specversion": "1.0",
        "id": name,
        "source": f"{base}/api",
        "type": f"entra-sync.{happening.event}",
        "time": seen["at"],
        "datacontenttype": "application/json",
        **({"subject": happening.domain} if happening.domain else {}),
        "data": data,
    }


def _card(title: str, texts: Sequence[str], links: Mapping[str, str]) -> Message:
    """An Adaptive Card, as a webhook of Teams' Workflows takes it. In runs of rich text nothing is Markdown."""
    body = [_rich(title, size="Medium", weight="Bolder"), *map(_rich, texts)]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in links.items()],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}
    return {"type": "message", "attachments": [attachment]}


def _rich(text: str, **style: str) -> Message:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _blocks(title: str, texts: Sequence[str], links: Mapping[str, str]) -> Message:
    """A message of Slack: `text` is what its notification says. Plain text is not escaped, the rest is."""
    plain = [{"type": "plain_text", "text": one[:_LONGEST_BLOCK], "emoji": False} for one in (title, *texts)]
    linked = " · ".join(f"<{url}|{_escaped(label)}>" for label, url in links.items())
    blocks: list[Message] = [{"type": "section", "text": one} for one in plain]
    if linked:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": linked}})
    return {"text": _escaped(title), "blocks": blocks}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
