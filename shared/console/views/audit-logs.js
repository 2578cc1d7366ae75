// The audit logs that can still be had: the last dry run's, and those of the day's syncs.

import { features, getDomain, listRuns, orProblem } from "../api.js";
import { h } from "../dom.js";
import { countsShort, kindsOf } from "../parts/counts.js";
import { downloadButton, expiry } from "../parts/download.js";
import { button, empty, modeText, note, pace, statusMark, table, when } from "../parts/marks.js";
import { foundOr } from "../parts/problem.js";
import { openDialog, runAddress } from "../router.js";
import { bytes, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

const LIFETIME = 24 * 3600_000;

/** @type {View<{ domain: Api.Domain, features: Features, logs: Looked<Api.Run[]> }>} */
export default {
	title: ({ params }) => t("audit.of", { domain: params.domain }),

	place: ({ domain }) => domain,

	async load({ params, data, signal }) {
		const [domain, able] = await Promise.all([getDomain(params.domain, signal), features()]);
		return { domain, features: able, logs: await orProblem(runsOfTheDay(params.domain, signal), data?.logs[0]) };
	},

	pollAfter: ({ data }) => pace(data.domain.activeRun, 60),

	render(context) {
		const { domain, features: able, logs } = context.data;
		return h(
			"div",
			domainHeader(domain, "audit-logs", able, context),
			note("plain", t("audit.explained")),
			foundOr(logs, context.refresh, (runs) => (runs.length ? list(runs, context) : empty(t("audit.nothing"), h("p", button(t("dryRun.title"), () => openDialog("dry-run", domain.name), { needs: "Operator" }))))),
		);
	},
};

/**
 * @param {string} domain
 * @param {AbortSignal} signal
 */
async function runsOfTheDay(domain, signal) {
	const start = Date.now() - LIFETIME;
	const found = [];
	let cursor = null;
	do {
		const page = await listRuns(domain, { limit: 100, cursor }, signal);
		found.push(...page.runs);
		cursor = Date.parse(page.runs.at(-1)?.createdAt ?? "") > start ? page.cursor : null;
	} while (cursor);
	return found.filter((run) => run.auditLog.available);
}

/**
 * @param {Api.Run[]} runs
 * @param {AnyContext} context
 */
function list(runs, context) {
	const headings = ["logs.mode", "logs.started", "logs.result", "logs.changes", "audit.size", "audit.expires", "audit.action"];
	const columns = headings.map((name) => [name.split(".")[1], t(name)]);
	const rows = runs.map((run) => ({ key: run.id, cells: cells(run, context) }));
	return h("div.surface.flush", table(t("audit.title"), columns, rows));
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function cells(run, context) {
	return {
		mode: h("a.link", { href: runAddress(run) }, modeText(run)),
		started: when(run.createdAt),
		result: statusMark(run),
		changes: countsShort(kindsOf(run.counts)),
		size: bytes(run.auditLog.sizeBytes),
		expires: when(expiry(run)),
		action: downloadButton(run, context, ""),
	};
}
