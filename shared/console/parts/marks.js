// Small things that mean the same wherever they appear: statuses, kinds of change, times, notes.

import { may } from "../api.js";
import { h } from "../dom.js";
import { change } from "../router.js";
import { ago, authorText, clock, moment, said, t, utc } from "../texts.js";

// Each on a grid of 16 × 16. The shapes differ, so that colour is never all there is.
const CIRCLE = "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z";
/** @type {Record<string, string[]>} */
const SHAPES = {
	succeeded: [CIRCLE, "M5 8.2l2.1 2.1L11 6.2"],
	completedWithErrors: ["M8 1.8l6.7 12.2H1.3z", "M8 6.2v3.6", "M8 11.7v.6"],
	failed: ["M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z", "M5.7 5.7l4.6 4.6", "M10.3 5.7l-4.6 4.6"],
	cancelled: [CIRCLE, "M3.6 12.4l8.8-8.8"],
	queued: [CIRCLE, "M8 4.5V8l2.4 1.6"],
	running: ["M14.5 8A6.5 6.5 0 1 1 8 1.5"],
	off: [CIRCLE],
	add: ["M8 3v10", "M3 8h10"],
	delete: ["M3 8h10"],
	block: ["M4 7.5h8v6H4z", "M5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5"],
	unblock: ["M4 7.5h8v6H4z", "M5.5 7.5V5a2.5 2.5 0 0 1 4.9-.7"],
	update: ["M2.5 6c1.6-2.4 3.6-2.4 5.5-1s3.9 1.4 5.5-1", "M2.5 11.5c1.6-2.4 3.6-2.4 5.5-1s3.9 1.4 5.5-1"],
	rename: ["M2 8h11", "M9.5 4.5L13 8l-3.5 3.5"],
	restore: ["M3 3v3.5h3.5", "M3.3 6.4A5.5 5.5 0 1 1 2.6 9.5"],
	doubtful: ["M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8", "M8 12.6v.6"],
	skip: ["M3.5 4l4 4-4 4", "M8.5 4l4 4-4 4"],
	question: ["M5.5 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M10.5 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z"],
	shielded: ["M8 1.8l5 1.9v4c0 3-2 5.3-5 6.5-3-1.2-5-3.5-5-6.5v-4z"],
	unlinked: ["M7 4.3l1-1a3.2 3.2 0 0 1 4.6 4.6l-1 1", "M9 11.7l-1 1a3.2 3.2 0 0 1-4.6-4.6l1-1", "M3 3l10 10"],
	waiting: ["M8 2.2a5.8 5.8 0 1 0 0 11.6 5.8 5.8 0 0 0 0-11.6z", "M8 4.8V8l2.4 1.6"],
	download: ["M8 2v8", "M4.7 7L8 10.3 11.3 7", "M2.5 13.5h11"],
	copy: ["M5.5 5.5h8v8h-8z", "M10.5 5.5v-3h-8v8h3"],
	close: ["M3.5 3.5l9 9", "M12.5 3.5l-9 9"],
	next: ["M6 3l5 5-5 5"],
	settings: ["M2 4.5h7", "M12.5 4.5H14", "M10.7 2.8v3.4", "M2 11.5h1.5", "M7 11.5h7", "M5.3 9.8v3.4"],
	search: ["M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z", "M10.3 10.3l3.5 3.5"],
};

/** @param {string} name */
export function icon(name) {
	const paths = SHAPES[name].map((d) => h("path", { d }));
	return h("svg", { class: `icon icon-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, paths);
}

/**
 * @param {Api.Run | null | undefined} run
 * @returns {run is Api.Run & { status: "queued" | "running" }}
 */
export const isActive = (run) => run?.status === "queued" || run?.status === "running";

/**
 * When to look again, in seconds: sooner while a run is young, since most are short.
 * @param {Api.Run | null | undefined} run
 * @param {number | null} [otherwise]
 */
export function pace(run, otherwise = null) {
	if (!isActive(run)) return otherwise;
	return Date.now() - Date.parse(run.createdAt) < 10_000 ? 0.7 : 2;
}

/**
 * The status; of a dry run that a limit would cancel as a sync, that.
 * @param {Api.Run} run
 */
export function statusMark(run) {
	const { status } = run;
	const [mark, text] = wouldBeCancelled(run) ? ["cancelled", "wouldBeCancelled"] : [status, status];
	return h("span", { class: `status status-${mark}` }, icon(mark), h("span", t(`status.${text}`)));
}

/**
 * The same where there is no room for its words.
 * @param {Api.Run} run
 */
export function statusIcon(run) {
	const mark = statusMark(run);
	mark.lastElementChild?.classList.add("hidden");
	mark.setAttribute("title", mark.textContent ?? "");
	return mark;
}

/**
 * Whether a limit cancels the sync: of too many deletions after a wait, these alone are left.
 * @param {Api.LimitCheck} check
 */
export const stops = ({ name, exceeded }) => exceeded && name !== "due";

/** @param {Api.Run} run */
export function wouldBeCancelled({ mode, status, deletionCheck, limitChecks }) {
	const exceeded = deletionCheck?.exceeded || limitChecks.some(stops);
	return mode === "dryRun" && status === "succeeded" && exceeded;
}

/**
 * "Dry run", "Sync", or what it takes back.
 * @param {Api.Run} run
 */
export function modeText(run) {
	if (run.kind === "watch" || run.kind === "check") return t(`mode.${run.kind}`);
	return t(run.undoes ? `mode.undo.${run.mode}` : `mode.${run.mode}`);
}

/** @param {string} kind */
export const kindIcon = (kind) => icon(kind === "failed" ? "completedWithErrors" : kind);

/** @param {string} kind */
export function kindMark(kind) {
	return h("span", { class: `kind ink of-${kind}` }, kindIcon(kind), h("span", t(`kind.${kind}`)));
}

/**
 * An address or another long value, which may go on in the next line after its signs, not inside a word.
 * @param {string} text
 */
export function addressText(text) {
	const pieces = text.split(/(?<=[@._-])/);
	return pieces.length < 2 ? text : h("span.address", pieces.flatMap((piece, n) => [n > 0 && h("wbr"), piece]));
}

/**
 * What stands back.
 * @param {...Child} children
 */
export const muted = (...children) => h("span.muted", children);

/**
 * A moment in the viewer's time zone, UTC on hover.
 * @param {string} time
 * @param {{ relative?: Intl.RelativeTimeFormatStyle | null, short?: boolean }} options
 */
export function when(time, { relative = null, short = false } = {}) {
	const text = relative ? ago(time, relative) : short ? clock(time) : moment(time);
	return h("time", { datetime: time, title: `${relative ? `${moment(time)} · ` : ""}${utc(time)}` }, text);
}

/** @param {Api.Run} run */
export function who(run) {
	return run.trigger === "schedule" ? t("run.bySchedule") : authorText(run.requestedBy);
}

/** @param {Api.Run} run */
export const changedSomething = ({ counts }) => counts.add + counts.update + counts.rename + counts.restore + counts.block + counts.unblock + counts.delete > 0;

/** @param {Api.Run} run */
export const seconds = (run) =>
	run.startedAt && run.finishedAt ? (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000 : null;

/**
 * The outcome in a few sentences.
 * @param {Api.Run} run
 */
export const outcome = (run) => (run.messageParts.length ? said(run.messageParts) : t(`status.${run.status}`));

/**
 * The warnings that the outcome does not have already.
 * @param {Api.Run} run
 */
export function furtherWarnings(run) {
	const told = new Set(run.messageParts.map((part) => JSON.stringify(part)));
	return run.warningParts.filter((part) => !told.has(JSON.stringify(part)));
}

/**
 * @param {"danger" | "warning" | "good" | "plain"} kind
 * @param {...Child} children
 */
export function note(kind, ...children) {
	const shape = { danger: "failed", warning: "completedWithErrors", good: "succeeded", plain: "queued" }[kind];
	return h("div", { class: `note note-${kind}` }, icon(shape), h("div", children));
}

export function waiting() {
	return h("div.waiting", { role: "status" }, icon("running"), h("span", t("page.loading")));
}

/**
 * @param {Child} title
 * @param {...Child} more
 */
export function empty(title, ...more) {
	return h("div.empty", h("p.empty-title", title), more);
}

/**
 * A button that stays focusable while it can't be used; none where one's role can't do what it `needs`.
 * @param {Child} label
 * @param {((event: any) => unknown) | null} onclick
 * @param {ButtonOptions} [options]
 */
export function button(label, onclick, { kind = "", disabled = false, why = "", needs = "Reader", shape = null, name = null, ...rest } = {}) {
	if (!may(needs)) return null;
	const attributes = {
		type: "button",
		class: `button ${kind}`.trim(),
		/** @param {Event} event */
		onclick: (event) => (disabled ? event.preventDefault() : onclick?.(event)),
		"aria-disabled": disabled ? "true" : null,
		"aria-label": name,
		title: disabled && why ? why : null,
		...rest,
	};
	return h("button", attributes, shape && icon(shape), h("span", label));
}

/**
 * A field that filters what is shown while one types; `found` says how much is left.
 * @param {string} label
 * @param {string | undefined} words
 * @param {Child} found
 */
export function searchBox(label, words, found) {
	/** @param {InputEvent & { target: HTMLInputElement }} event */
	const oninput = (event) => change({ q: event.target.value }, { replace: true });
	const input = h("input", { type: "search", value: words ?? "", "aria-label": label, placeholder: label, oninput });
	return h("div.search", icon("search"), input, h("span.muted.number", { role: "status" }, found));
}

/**
 * A table that turns into cards on a phone; `columns` are [key, heading], `rows` { key, cells, class }. `sort`:
 * which columns sort, by what, and what sorts now.
 * @param {string} caption
 * @param {string[][]} columns
 * @param {Row[]} rows
 * @param {{ by: string, keys: Record<string, string> }} [sort]
 */
export function table(caption, columns, rows, sort = { by: "", keys: {} }) {
	const heads = columns.map(([key, heading]) => {
		const by = sort.keys[key];
		const sorter = by && h("button.sorter", { type: "button", onclick: () => change({ sort: by }, { replace: true }) }, heading);
		return h("th", { role: "columnheader", scope: "col", class: `cell-${key}`, "aria-sort": by && by === sort.by ? "ascending" : null }, sorter || heading);
	});
	const body = rows.map(({ key, cells, kind }) =>
		h(
			"tr",
			{ role: "row", "data-key": key, class: kind },
			columns.map(([name, heading]) => h("td", { role: "cell", class: `cell-${name}`, "data-label": heading }, cells[name])),
		),
	);
	return h(
		"table.table",
		{ role: "table" },
		h("caption.hidden", caption),
		h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)),
		h("tbody", { role: "rowgroup" }, body),
	);
}

/**
 * The ways to older entries of a list, and back to the newest.
 * @param {string | null} older
 * @param {string | undefined} here
 */
export function pages(older, here) {
	if (!older && !here) return null;
	return h(
		"nav.paging",
		{ "aria-label": t("logs.paging") },
		here && button(t("logs.newest"), () => change({ cursor: null })),
		older && button(t("logs.older"), () => change({ cursor: older })),
	);
}
