// The Sync Logs of a domain, newest first, with the last two days as a chart.

import { features, getDomain, listRuns, orProblem } from "../api.js";
import { h } from "../dom.js";
import { countsShort, kindsOf } from "../parts/counts.js";
import { downloadButton } from "../parts/download.js";
import { CHART_HOURS, historyChart } from "../parts/history-chart.js";
import { button, empty, modeText, muted, outcome, pace, pages, seconds, statusMark, table, when, who } from "../parts/marks.js";
import { foundOr } from "../parts/problem.js";
import { change, runAddress } from "../router.js";
import { duration, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

const PAGE = 50;
const CHART_PAGES = 4;
const FILTERS = /** @type {const} */ (["status", "mode", "by", "from", "to"]);
const STATUSES = ["queued", "running", "succeeded", "completedWithErrors", "cancelled", "failed"];

/** @type {View<{ domain: Api.Domain, features: Features, page: Looked<Api.RunList>, recent: Api.Run[] | null }>} */
export default {
	title: ({ params }) => t("logs.of", { domain: params.domain }),

	place: ({ domain, cursor, ...params }) => [domain, cursor, ...FILTERS.map((name) => params[name])].join(" "),

	async load({ params, data, signal }) {
		const { domain: name, cursor } = params;
		const [domain, page, able] = await Promise.all([getDomain(name, signal), orProblem(listRuns(name, { limit: PAGE, cursor, ...wanted(params) }, signal), data?.page[0]), features()]);
		const everything = !cursor && !isFiltered(params) && page[0];
		return { domain, page, features: able, recent: everything ? await recent(name, everything, signal) : null };
	},

	pollAfter: ({ data, params }) => pace(data.domain.activeRun, params.cursor ? null : 30),

	render(context) {
		const { data, params } = context;
		return h(
			"div",
			domainHeader(data.domain, "sync-logs", data.features, context),
			data.recent && data.recent.length > 0 && h("div.surface", historyChart(data.recent)),
			filters(params),
			foundOr(data.page, context.refresh, ({ runs, cursor }) => [
				runs.length ? list(runs, context) : isFiltered(params) ? empty(t("logs.noMatch")) : empty(t("logs.none"), h("p.muted", t("logs.noneMore"))),
				pages(cursor, params.cursor),
			]),
		);
	},
};

/** @param {Params} params */
const isFiltered = (params) => FILTERS.some((name) => params[name]);

/**
 * Which runs, as the API takes it: whole days of the reader's.
 * @param {Params} params
 */
function wanted({ status, mode, by, from, to }) {
	return { status, mode, by, from: from && startOf(from, 0), to: to && startOf(to, 1) };
}

/**
 * @param {string} day
 * @param {number} later days after it
 */
function startOf(day, later) {
	const date = new Date(`${day}T00:00`);
	date.setDate(date.getDate() + later);
	return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** @param {Params} params */
function filters(params) {
	/** @param {Event & { target: HTMLInputElement | HTMLSelectElement }} event */
	const onchange = ({ target }) => change({ [target.name]: target.value, cursor: null }, { replace: true });
	/**
	 * @param {"status" | "mode"} name
	 * @param {readonly string[]} values
	 */
	const choice = (name, values) =>
		field(name, h("select", { id: `logs-${name}`, name, onchange }, ["", ...values].map((value) => h("option", { value, selected: value === (params[name] ?? "") }, value ? t(`${name}.${value}`) : t("people.all")))));
	/** @param {"from" | "to"} name */
	const day = (name) => field(name, h("input", { id: `logs-${name}`, name, type: "date", value: params[name] ?? "", onchange }));
	return h(
		"div.log-filters",
		{ role: "group", "aria-label": t("people.filter") },
		choice("status", STATUSES),
		choice("mode", ["dryRun", "sync"]),
		field("by", h("input", { id: "logs-by", name: "by", type: "search", value: params.by ?? "", onchange })),
		day("from"),
		day("to"),
		isFiltered(params) && button(t("logs.all"), () => change(Object.fromEntries([...FILTERS, "cursor"].map((name) => [name, null])))),
	);
}

/**
 * @param {string} name
 * @param {Element} input
 */
const field = (name, input) => h("div", { "data-key": name }, h("label", { for: `logs-${name}` }, t(`logs.filter.${name}`)), input);

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
