// Deletions against Max Allowed Deletions: the arithmetic as a picture and in words.

import { h } from "../dom.js";
import { said, t } from "../texts.js";
import { muted, note, stops } from "./marks.js";

/**
 * The same arithmetic under another limit: `deletions × 100 ≥ percent × users`, in whole numbers.
 * @param {Api.DeletionCheck} check
 * @param {number} maxAllowedDeletions
 */
export function underLimit(check, maxAllowedDeletions) {
	const counted = notApproved(check);
	const exceeded = counted > 0 && counted * 100 >= maxAllowedDeletions * check.target;
	return { ...check, maxAllowedDeletions, exceeded };
}

/**
 * The deletions that count.
 * @param {Api.DeletionCheck} check
 */
const notApproved = ({ deletions, approved }) => Math.max(0, deletions - approved);

/** @param {Api.DeletionCheck} check */
function arithmetic(check) {
	const { deletions, percent, target: users, maxAllowedDeletions: limit } = check;
	if (!deletions) return said([{ code: "limit.noDeletions", parameters: {} }]).join("");
	const code = check.exceeded ? "limit.deletionsReached" : "limit.deletionsBelow";
	const rest = { code, parameters: { deletions: notApproved(check), users, percent, limit } };
	const { approved } = check;
	return said([approved ? { code: "limit.deletionsApproved", parameters: { deletions, approved, rest: [rest] } } : rest]).join("");
}

/**
 * @param {{ exceeded: boolean }} check
 * @param {Api.Mode} mode
 * @param {number} otherReached
 * @param {boolean} approved
 */
function verdict({ exceeded }, mode, otherReached, approved) {
	if (exceeded && approved) return t("gauge.approved");
	if (exceeded) return t(mode === "sync" ? "gauge.wasStopped" : "gauge.wouldBeCancelled");
	return t(mode === "sync" || otherReached ? "gauge.within" : "gauge.wouldGoAhead");
}

/**
 * `otherChecks` are the further limits, each with a verdict of its own. `approved`: what they stop is
 * let through.
 * @param {Api.DeletionCheck} check
 * @param {Api.Mode} mode
 * @param {Api.LimitCheck[]} [otherChecks]
 * @param {boolean} [approved]
 */
export function gauge(check, mode, otherChecks = [], approved = false) {
	const limit = check.maxAllowedDeletions;
	const end = Math.min(100, Math.max(check.percent, limit, 1) * 1.4);
	const vars = { filled: `${(Math.min(check.percent, end) / end) * 100}%`, limit: `${(limit / end) * 100}%` };
	const title = t("settings.maxAllowedDeletions");
	const reached = otherChecks.filter(stops);
	const left = otherChecks.filter((each) => each.exceeded && !stops(each));
	return h(
		"div",
		{ class: `gauge ${check.exceeded ? "gauge-exceeded" : ""}` },
		h("div.gauge-head", h("h3", title), muted(t("gauge.limit", { limit }))),
		h("div.gauge-track", { role: "img", "aria-label": `${title}: ${arithmetic(check)}`, vars }, h("span.gauge-fill"), h("span.gauge-limit")),
		note(check.exceeded && !approved ? "danger" : "good", h("strong.number", arithmetic(check)), " – ", verdict(check, mode, reached.length, approved)),
		reached.map((each) => {
			const released = approved && each.kinds.length > 0;
			return note(released ? "good" : "danger", h("strong.number", otherArithmetic(each)), " – ", verdict(each, mode, 0, released));
		}),
		left.map((each) => note(approved ? "good" : "warning", h("strong.number", otherArithmetic(each)), " – ", t(approved ? "gauge.approved" : "gauge.left"))),
	);
}

/** @param {Api.LimitCheck} check */
function otherArithmetic({ name, verdictParts }) {
	const setting = t(`settings.max${name[0].toUpperCase()}${name.slice(1)}`);
	return [setting, ": ", said(verdictParts)];
}
