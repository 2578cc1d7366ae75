// Above the list of domains: how both sides are, and how many domains there are of each verdict.

import { h } from "../dom.js";
import { change } from "../router.js";
import { clock, said, t } from "../texts.js";
import { fits, sides, VERDICTS } from "../triage.js";
import { icon, muted, when } from "./marks.js";

// What an administrator asks for first; the others are there while a domain is like that.
const ALWAYS = ["failed", "cancelled"];
/** The shape of each verdict. @type {Record<Verdict, string>} */
export const MARKS = { unreadable: "failed", failed: "failed", cancelled: "cancelled", errors: "completedWithErrors", waits: "queued", questions: "completedWithErrors", undone: "queued", never: "off", changes: "queued", disabled: "off", running: "running", paused: "off", good: "succeeded", removed: "off" };

/** @param {DomainsData} data */
export function bothSides({ domains, asOf }) {
	const { source, entra, users } = sides(domains);
	const stale = Date.now() - Date.parse(asOf) > 10 * 60_000;
	return h(
		"ul.sides",
		side(t("triage.source"), source, source.readAt && [t("triage.read"), " ", when(source.readAt), " · ", t("triage.users", { n: users })]),
		side(t("triage.entra"), entra, entra.readAt && [t("triage.read"), " ", when(entra.readAt)], stale && [t("triage.stale"), " ", when(asOf)]),
	);
}

/**
 * @param {string} name
 * @param {Side} found
 * @param {Child} read
 * @param {Child} [more]
 */
function side(name, { amiss }, read, more = null) {
	const bad = amiss.length > 0 || Boolean(more);
	return h("li", { class: bad ? "warned" : "" }, icon(bad ? "completedWithErrors" : read ? "succeeded" : "off"), h("span", h("strong", name), ": ", read || t("triage.unread"), more && [" · ", more], amiss.map((part) => [" · ", said([part])])));
}

/**
 * How many domains there are of each verdict: each is a filter.
 * @param {Judged[]} all
 * @param {string} chosen
 */
export function strip(all, chosen) {
	/** @param {string} name */
	const chip = (name) => {
		const n = all.filter((one) => fits(one, name)).length;
		const pressed = name === chosen;
		if (!n && !pressed && !ALWAYS.includes(name)) return null;
		return h("button.legend-entry.chip.filter", { type: "button", "aria-pressed": String(pressed), "data-key": name, onclick: () => change({ show: pressed ? null : name }, { replace: true }) }, icon(name === "enabled" ? "succeeded" : MARKS[/** @type {Verdict} */ (name)]), h("span", t(`triage.count.${name}`, { n })));
	};
	const next = all.flatMap(({ domain }) => domain.nextRunAt ?? []).toSorted()[0];
	return h("div.legend.strip", { role: "group", "aria-label": t("triage.filter") }, [...VERDICTS.filter((name) => name !== "good"), "enabled"].map(chip), next && muted(t("triage.next", { time: clock(next) })));
}
