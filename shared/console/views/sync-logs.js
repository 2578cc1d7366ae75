// The Sync Logs of a domain, newest first, with the last two days as a chart.

import { features, getDomain, listRuns } from "../api.js";
import { h } from "../dom.js";
import { countsShort, kindsOf } from "../parts/counts.js";
import { downloadButton } from "../parts/download.js";
import { CHART_HOURS, historyChart } from "../parts/history-chart.js";
import { empty, modeText, muted, outcome, pace, seconds, statusMark, table, when, who } from "../parts/marks.js";
import { change, runAddress } from "../router.js";
import { duration, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

const PAGE = 50;
const CHART_PAGES = 4;

/** @type {View<{ domain: Api.Domain, features: Features, page: Api.RunList, recent: Api.Run[] | null }>} */
export default {
	title: ({ params }) => t("logs.of", { domain: params.domain }),

	place: ({ domain, cursor }) => `${domain} ${cursor ?? ""}`,

	async load({ params, signal }) {
		const { domain: name, cursor } = params;
		const [domain, page, able] = await Promise.all([getDomain(name, signal), listRuns(name, { limit: PAGE, cursor }, signal), features()]);
		return { domain, page, features: able, recent: cursor ? null : await recent(name, page, signal) };
	},

	pollAfter: ({ data, params }) => pace(data.domain.activeRun, params.cursor ? null : 30),

	render(context) {
		const { data, params } = context;
		return h(
			"div",
			domainHeader(data.domain, "sync-logs", data.features, context),
			data.recent && data.page.runs.length > 0 && h("div.surface", historyChart(data.recent)),
			data.page.runs.length ? list(data.page.runs, context) : empty(t("logs.none"), h("p.muted", t("logs.noneMore"))),
			paging(data.page, params),
		);
	},
};

/**
 * The runs of the hours on the chart: as a rule the first page has them all.
 * @param {string} domain
 * @param {Api.RunList} page
 * @param {AbortSignal} signal
 */
async function recent(domain, page, signal) {
	const start = Date.now() - CHART_HOURS * 3600_000;
	let { runs, cursor } = page;
	for (let more = 1; more < CHART_PAGES && cursor && Date.parse(runs.at(-1)?.createdAt ?? "") > start; more += 1) {
		const next = await listRuns(domain, { limit: 200, cursor }, signal);
		runs = [...runs, ...next.runs];
		cursor = next.cursor;
	}
	return runs;
}

/**
 * @param {Api.Run[]} runs
 * @param {AnyContext} context
 */
function list(runs, context) {
	const columns = ["started", "mode", "result", "changes", "duration", "log"].map((key) => [key, t(`logs.${key}`)]);
	const rows = runs.map((run) => ({ key: run.id, cells: cells(run, context) }));
	return h("div.surface.flush.logs", table(t("logs.title"), columns, rows));
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function cells(run, context) {
	const took = seconds(run);
	return {
		started: h("div.stack", h("a.link", { href: runAddress(run) }, when(run.createdAt)), muted(who(run))),
		mode: modeText(run),
		result: h("div.stack", statusMark(run), run.messageParts.length > 0 && h("span.message", outcome(run))),
		changes: countsShort(kindsOf(run.counts)),
		duration: took === null ? "–" : duration(took),
		log: run.auditLog.available ? downloadButton(run, context) : muted(t(run.auditLog.expiresAt ? "audit.gone" : "audit.none")),
	};
}

/**
 * @param {Api.RunList} page
 * @param {Params} params
 */
function paging({ cursor }, params) {
	if (!cursor && !params.cursor) return null;
	return h(
		"nav.paging",
		{ "aria-label": t("logs.paging") },
		params.cursor && h("button", { type: "button", class: "button", onclick: () => change({ cursor: null }) }, t("logs.newest")),
		cursor && h("button", { type: "button", class: "button", onclick: () => change({ cursor }) }, t("logs.older")),
	);
}
