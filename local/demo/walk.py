"""The walk-through: the product page's procedure step by step, each checked against the expected result."""

import time
from collections import Counter
from datetime import datetime

from local.demo import audit_log
from local.demo.app import App, EntraEmulator, Json, Unexpected
from local.demo.terminal import Style, Terminal, cut

MANAGED, FEDERATED = "contoso.com", "fabrikam.com"
PREDICTED_FAILURE = "alexandria.winter@contoso.com"
# Without a delay, so few changes would be done before their progress could be seen.
SLOW_BATCH_MS = 600
_DEEDS = ("add", "update", "rename", "restore", "delete")
_COUNTS = {
    "source": "SOURCE",
    "target": "ENTRA",
    **{deed: deed.upper() for deed in _DEEDS},
    "unchanged": "EQUAL",
    "skipped": "SKIPPED",
    "failed": "FAIL",
}
_TICK_PATIENCE_SECONDS = 30.0


class Walk:
    """One walk-through; `surprises` lists what was not as expected."""

    def __init__(self, app: App, entra: EntraEmulator, terminal: Terminal) -> None:
        self._app = app
        self._entra = entra
        self._terminal = terminal
        self.surprises: list[str] = []

    def __call__(self) -> None:
        try:
            self._domains()
            preview = self._dry_run()
            self._audit_log(preview)
            self._sync_now(preview)
            self._nothing_left()
            self._too_many_deletions()
            self._periodic_sync()
        except Unexpected as surprise:
            self._expect(False, str(surprise))

    def _domains(self) -> None:
        self._terminal.title("1  The domains of the tenant", "GET /api/domains")
        domains = self._app.get("/api/domains")["domains"]
        self._terminal.table(
            ("DOMAIN", "SIGN-IN", "PERIODIC SYNC", "MAX ALLOWED DELETIONS", "LAST SYNC"),
            [
                (
                    d["name"],
                    d["authenticationType"],
                    "on" if d["periodicSync"] else "off",
                    f"{d['maxAllowedDeletions']}%",
                    _clock(d["lastSync"]["finishedAt"]) if d["lastSync"] else "never",
                )
                for d in domains
            ],
        )
        sign_in = {d["name"]: d["authenticationType"] for d in domains}
        self._expect(
            sign_in.get(MANAGED) == "Managed" and sign_in.get(FEDERATED) == "Federated",
            f"{MANAGED} is managed, {FEDERATED} federated",
        )

    def _dry_run(self) -> Json:
        run = self._run("2  [Dry Run]: what would a sync do?", MANAGED, "dry-run")
        self._show_counts(run)
        counts, check = run["counts"], run["deletionCheck"]
        self._expect(run["status"] == "succeeded", f"The dry run has {run['status']}")
        self._expect(all(counts[deed] for deed in _DEEDS), "It finds something of everything to do")
        self._expect(
            check["deletions"] == counts["delete"] > 0 and not check["exceeded"],
            f"Max Allowed Deletions, {check['maxAllowedDeletions']}%, would let a sync go ahead",
        )
        return run

    def _audit_log(self, preview: Json) -> None:
        self._terminal.title(
            "3  [View Audit Log]: the CSV, downloaded", f"GET …/runs/{preview['id']}/audit-log"
        )
        link, rows = self._app.audit_log(preview)
        self._terminal.say(f"{link['url'].partition('?')[0]}?…", Style.DIM)
        self._terminal.say(f"The link ends at {_clock(link['expiresAt'])}.", Style.DIM)
        self._terminal.say()
        people = audit_log.lines(rows)
        self._terminal.table(audit_log.HEADER, [p.cells for p in people], [p.style for p in people])
        self._terminal.say()
        found = Counter(p.action for p in people if not p.error)
        counts = preview["counts"]
        self._expect(
            all(found[deed] == counts[deed] for deed in _DEEDS) and found["skip"] == counts["skipped"],
            f"{len(rows)} rows about {len(people)} people, exactly those that the dry run counted",
        )
        failing = [p.cells[2] for p in people if p.error]
        self._expect(
            failing == [PREDICTED_FAILURE], f"One failure is predicted, with its reason: {', '.join(failing)}"
        )

    def _sync_now(self, preview: Json) -> None:
        self._entra.slow_down(SLOW_BATCH_MS)
        run = self._run("4  [Sync Now]: the same, for real", MANAGED, "sync")
        self._entra.slow_down(0)
        self._show_counts(run)
        counts = run["counts"]
        self._expect(
            run["status"] == "completedWithErrors", "All but the predicted failure: completedWithErrors"
        )
        self._expect(
            all(counts[name] == preview["counts"][name] for name in (*_DEEDS, "skipped", "failed")),
            "It did what the dry run said it would, no more and no less",
        )
        outcomes = Counter(p.cells[1] for p in audit_log.lines(self._app.audit_log(run)[1]))
        self._expect(
            outcomes["succeeded"] == sum(counts[deed] for deed in _DEEDS),
            f"Its audit log has one outcome for each person: {_tally(outcomes)}",
        )

    def _nothing_left(self) -> None:
        run = self._run("5  [Dry Run] again: is anything left to do?", MANAGED, "dry-run")
        self._show_counts(run)
        self._expect(not any(run["counts"][deed] for deed in _DEEDS), "Nothing is left to do")
        failing = [p for p in audit_log.lines(self._app.audit_log(run)[1]) if p.error]
        self._expect(
            [p.cells[2] for p in failing] == [PREDICTED_FAILURE],
            "except the one user who has to be corrected in Access Control first:",
        )
        for person in failing:
            self._terminal.say(f"  {person.cells[2]}: {person.error}", Style.RED)

    def _too_many_deletions(self) -> None:
        run = self._run("6  Max Allowed Deletions: a domain with too many leavers", FEDERATED, "dry-run")
        self._show_counts(run)
        self._expect(
            run["status"] == "succeeded" and run["counts"]["delete"] > 0,
            "A dry run shows all deletions, whatever the limit is",
        )
        self._expect(run["deletionCheck"]["exceeded"], "and says that a sync would be cancelled")

    def _periodic_sync(self) -> None:
        self._terminal.title(
            "7  [Enable Periodical Sync], and the hour has come", f"PATCH /api/domains/{MANAGED}"
        )
        domain = self._app.change_domain(MANAGED, periodicSync=True)
        self._expect(domain["periodicSync"], f"Periodic sync is on, next at {_clock(domain['nextRunAt'])}")
        self._app.tick()
        run = self._app.finished(f"/api/domains/{MANAGED}/runs/{self._scheduled()}", self._watch)
        self._terminal.end_progress()
        self._expect(
            run["status"] == "completedWithErrors" and not any(run["counts"][deed] for deed in _DEEDS),
            "The timer's sync found nothing to do, apart from the predicted failure",
        )
        self._terminal.title("8  The Sync Logs", f"GET /api/domains/{MANAGED}/runs")
        runs = self._app.runs(MANAGED)
        self._terminal.table(
            ("FINISHED", "MODE", "STARTED BY", "STATUS", "MESSAGE"),
            [(_clock(r["finishedAt"]), r["mode"], r["requestedBy"], r["status"], r["message"]) for r in runs],
        )
        self._terminal.say()
        self._expect(
            [r["trigger"] for r in runs] == ["schedule", "manual", "manual", "manual"],
            "Every run of this walk-through is there, newest first",
        )

    def _scheduled(self) -> str:
        """The id of the run that the timer started."""
        give_up_at = time.monotonic() + _TICK_PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            newest = self._app.runs(MANAGED)[0]
            if newest["trigger"] == "schedule":
                return str(newest["id"])
            time.sleep(0.1)
        raise Unexpected(f"The timer has started no run in {_TICK_PATIENCE_SECONDS:g} s.")

    def _run(self, title: str, domain: str, what: str) -> Json:
        self._terminal.title(title, f"POST /api/domains/{domain}/{what}")
        run = self._app.finished(self._app.start(domain, what), self._watch)
        self._terminal.end_progress()
        return run

    def _watch(self, run: Json) -> None:
        progress = run["progress"]
        done, total = progress["done"], progress["total"]
        if not total:
            says = "waiting in the queue" if run["status"] == "queued" else "reading both sides"
            self._terminal.progress(f"{run['status']}: {says}")
            return
        bar = "█" * (20 * done // total)
        left = "" if progress["etaSeconds"] is None else f", about {progress['etaSeconds']} s left"
        self._terminal.progress(f"{run['status']}: {bar:░<20} {done} of {total} changes{left}")

    def _show_counts(self, run: Json) -> None:
        seconds = (_moment(run["finishedAt"]) - _moment(run["createdAt"])).total_seconds()
        self._terminal.table(
            tuple(_COUNTS.values()), [tuple(str(run["counts"][name] or "–") for name in _COUNTS)]
        )
        self._terminal.say()
        self._terminal.say(f"{run['message']} ({seconds:.1f} s)")

    def _expect(self, so: bool, sentence: str) -> None:
        if so:
            self._terminal.say(f"✓ {sentence}", Style.GREEN)
        else:
            self.surprises.append(sentence)
            self._terminal.say(f"✗ Not as expected: {sentence}", Style.RED)


def _moment(time_stamp: str) -> datetime:
    return datetime.fromisoformat(time_stamp)


def _clock(time_stamp: str) -> str:
    return f"{_moment(time_stamp).astimezone():%H:%M:%S}"


def _tally(outcomes: Counter[str]) -> str:
    return cut(", ".join(f"{count} {name}" for name, count in outcomes.items()), 100)
