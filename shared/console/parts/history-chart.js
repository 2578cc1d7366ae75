// The last 48 hours as bars of changes per run; runs that failed or were cancelled carry a mark.

import { KINDS } from "../people.js";
import { h } from "../dom.js";
import { runAddress } from "../router.js";
import { clock, moment, number, t } from "../texts.js";
import { kindsOf } from "./counts.js";
import { icon, muted } from "./marks.js";

export const CHART_HOURS = 48;
const CHANGES = KINDS.filter((kind) => kind !== "skip");

/**
 * @param {Api.Run[]} runs
 * @param {number} [now]
 */
export function historyChart(runs, now = Date.now()) {
	const start = now - CHART_HOURS * 3600_000;
	const syncs = runs.filter((run) => run.mode === "sync" && Date.parse(run.createdAt) >= start);
	const bars = syncs.map((run) => ({ run, counts: kindsOf(run.counts) }));
	const most = Math.max(1, ...bars.map(({ counts }) => sum(counts)));
	return h(
		"figure.chart",
		h("figcaption", h("span", t("chart.title", { hours: CHART_HOURS })), muted(t("chart.most", { n: most }))),
		h(
			"div.chart-area",
			{ role: "group", "aria-label": summary(bars) },
			bars.map(({ run, counts }) => bar(run, counts, ((Date.parse(run.createdAt) - start) / (now - start)) * 100, most)),
			!bars.length && h("span.chart-empty.muted", t("chart.empty")),
		),
		h("div.chart-axis.muted", { "aria-hidden": "true" }, [48, 36, 24, 12, 0].map((hours) => h("span", axisLabel(now, hours)))),
	);
}

/**
 * @param {Api.Run} run
 * @param {Tally} counts
 * @param {number} left
 * @param {number} most
 */
function bar(run, counts, left, most) {
	const label = `${moment(run.createdAt)} · ${t(`status.${run.status}`)} · ${CHANGES.filter((k) => counts[k]).map((k) => `${t(`kind.${k}`)} ${number(counts[k])}`).join(", ") || t("counts.none")}`;
	const bad = run.status === "failed" || run.status === "cancelled" || run.status === "completedWithErrors";
	return h(
		"a",
		{ href: runAddress(run), class: `chart-bar chart-${run.status}`, title: label, "aria-label": label, vars: { left: `${left}%`, height: `${(sum(counts) / most) * 100}%` }, "data-key": run.id },
		bad && h("span", { class: `chart-mark status-${run.status}` }, icon(run.status)),
		h("span.chart-stack", CHANGES.filter((kind) => counts[kind]).map((kind) => h("span", { class: `fill of-${kind}`, vars: { share: counts[kind] }, "data-key": kind }))),
	);
}

/** @param {Tally} counts */
const sum = (counts) => CHANGES.reduce((total, kind) => total + counts[kind], 0);

/** @param {{ run: Api.Run, counts: Tally }[]} bars */
function summary(bars) {
	/** @param {Api.Status} status */
	const of = (status) => bars.filter(({ run }) => run.status === status).length;
	const changes = bars.reduce((total, { counts }) => total + sum(counts), 0);
	return t("chart.summary", { hours: CHART_HOURS, runs: bars.length, changes, failed: of("failed"), cancelled: of("cancelled") });
}

/**
 * @param {number} now
 * @param {number} hours
 */
function axisLabel(now, hours) {
	if (hours === 0) return t("chart.now");
	const time = new Date(now - hours * 3600_000).toISOString();
	return hours % 24 === 0 ? moment(time) : clock(time);
}
