// What the hourly dry runs of a watched domain found: what a sync would change, since when, and for whom.

import { features, getDomain, listRuns } from "../api.js";
import { h } from "../dom.js";
import { countsShort, kindsOf } from "../parts/counts.js";
import { empty, isActive, muted, pace, table, when } from "../parts/marks.js";
import { outcomeNote } from "../parts/outcome.js";
import { peopleTable } from "../parts/people-table.js";
import { peopleOf } from "../people.js";
import { runAddress } from "../router.js";
import { number, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

// Eight days of hours.
const RUNS = 200;
const DAY = 24 * 3600_000;

/** @type {View<{ domain: Api.Domain, features: Features, periods: WatchPeriod[], people: Person[] | null }>} */
export default {
	title: ({ params }) => t("watch.of", { domain: params.domain }),

	place: ({ domain }) => domain,

	async load({ params, signal }) {
		const [domain, page, able] = await Promise.all([getDomain(params.domain, signal), listRuns(params.domain, { limit: RUNS }, signal), features()]);
		// An hour in which nothing had changed has no people of its own.
		const looked = page.runs.find((run) => run.kind === "watch" && !isActive(run) && run.unchangedSince === null);
		const found = looked?.auditLog.available ? await peopleOf(looked, signal) : null;
		return { domain, features: able, periods: periodsOf(page.runs), people: found?.people.filter(({ kind }) => kind !== "skip") ?? null };
	},

	pollAfter: ({ data }) => pace(data.domain.activeRun, 30),

	render(context) {
		const { domain, features, periods, people } = context.data;
		const last = domain.lastWatch;
		const explained = h("p.muted", t("watch.explained"));
		return h(
			"div",
			domainHeader(domain, "watch", features, context),
			last ? h("section.surface.result", h("h2.hidden", t("logs.result")), verdict(last), explained) : empty(t("watch.none"), explained),
			periods.length > 0 && h("section.surface.flush", h("div.section-head", h("h2", t("watch.trend"))), trend(periods)),
			people && h("section.surface.flush.people-section", h("div.section-head", h("h2", t("watch.people"))), people.length ? peopleTable(domain.name, people) : empty(t("counts.none"))),
		);
	},
};

/** @param {Api.Run} run */
function verdict(run) {
	const { sameSince } = run;
	const days = sameSince && Math.floor((Date.parse(run.createdAt) - Date.parse(sameSince)) / DAY);
	return [outcomeNote(run), sameSince && h("p", h("strong", days ? t("watch.same", { n: days }) : t("watch.today")), " ", muted(t("watch.since"), " ", when(sameSince)))];
}

/**
 * The hours with the same plan as one, newest first: an hour that could not look belongs to the plan of before.
 * @param {Api.Run[]} runs newest first
 * @returns {WatchPeriod[]}
 */
function periodsOf(runs) {
	/** @type {WatchPeriod[]} */
	const periods = [];
	for (const run of runs.filter((one) => one.kind === "watch" && !isActive(one))) {
		const looked = run.status === "succeeded";
		if (!periods.length || periods[periods.length - 1].since !== run.sameSince) periods.push({ since: run.sameSince, newest: run, seen: null, hours: 0, failed: 0 });
		const period = periods[periods.length - 1];
		period.seen ??= looked ? run : null;
		period[looked ? "hours" : "failed"] += 1;
	}
	return periods;
}

/** @param {WatchPeriod[]} periods */
function trend(periods) {
	const columns = ["from", "until", "hours", "changes"].map((key) => [key, t(`watch.${key}`)]);
	const rows = periods.map(({ since, newest, seen, hours, failed }) => ({
		key: newest.id,
		cells: {
			from: since ? when(since) : "–",
			until: h("a.link", { href: runAddress(newest) }, when(newest.createdAt)),
			hours: h("span.stack", h("span.number", number(hours)), failed > 0 && h("span.warned", t("watch.failed", { n: failed }))),
			changes: seen ? countsShort(kindsOf(seen.counts)) : muted("–"),
		},
	}));
	return table(t("watch.trend"), columns, rows);
}
