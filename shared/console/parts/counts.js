// How many people a run concerns, as one stacked bar, as filters, and in short.

import { KINDS, tally } from "../people.js";
import { h } from "../dom.js";
import { number, t } from "../texts.js";
import { kindIcon, muted } from "./marks.js";

/**
 * The counts of a run by kind, as its audit log divides the people; it does not divide those who are left alone.
 * @param {Api.Counts} counts
 * @returns {Tally}
 */
export function kindsOf(counts) {
	return { ...tally([]), ...counts, skip: counts.skipped };
}

/**
 * One bar: every person concerned, by kind.
 * @param {Tally} counts
 */
export function countsBar(counts) {
	const kinds = KINDS.filter((kind) => counts[kind]);
	if (!kinds.length) return h("p", t("counts.none"));
	const label = kinds.map((kind) => `${t(`kind.${kind}`)} ${number(counts[kind])}`).join(", ");
	const parts = kinds.map((kind) => h("span", { class: `bar-part fill of-${kind}`, vars: { share: counts[kind] }, "data-key": kind }));
	return h("div.bar", { role: "img", "aria-label": label }, parts);
}

/**
 * The numbers under the bar: with `choose` each is a filter.
 * @param {Tally} counts
 * @param {string} [chosen]
 * @param {((kind: string) => void) | null} [choose]
 */
export function countsLegend(counts, chosen = "", choose = null) {
	const all = KINDS.reduce((sum, kind) => sum + counts[kind], 0);
	const every = /** @type {[string, number][]} */ ([["", all], ...KINDS.map((kind) => [kind, counts[kind]])]);
	const entries = every.filter(([kind, n]) => n || kind === chosen || kind === "");
	return h(
		"div.legend",
		{ role: choose ? "group" : null, "aria-label": choose ? t("people.filter") : null },
		entries.filter(([kind]) => choose || kind).map(([kind, n]) => legendEntry(kind, n, chosen, choose)),
	);
}

/**
 * @param {string} kind
 * @param {number} n
 * @param {string} chosen
 * @param {((kind: string) => void) | null} choose
 */
function legendEntry(kind, n, chosen, choose) {
	const text = [
		kind && h("span", { class: `swatch fill of-${kind}` }, kindIcon(kind)),
		h("span", kind ? t(`kind.${kind}`) : t("people.all")),
		h("span.number", number(n)),
	];
	if (!choose) return h("span.legend-entry", { "data-key": kind }, text);
	const pressed = kind === chosen;
	return h(
		"button.legend-entry.chip",
		{ type: "button", "aria-pressed": String(pressed), "data-key": kind || "all", onclick: () => choose(pressed ? "" : kind) },
		text,
	);
}

/**
 * "+3 ~5 −3" for a row of a list.
 * @param {Tally} counts
 */
export function countsShort(counts) {
	const kinds = KINDS.filter((kind) => counts[kind] && kind !== "skip");
	if (!kinds.length) return muted(t("counts.none"));
	return h(
		"span.counts",
		kinds.map((kind) =>
			h(
				"span",
				{ class: `count ink of-${kind}`, title: `${t(`kind.${kind}`)}: ${number(counts[kind])}` },
				kindIcon(kind),
				h("span.hidden", t(`kind.${kind}`)),
				h("span.number", number(counts[kind])),
			),
		),
	);
}
