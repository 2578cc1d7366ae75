// Deletions against Max Allowed Deletions: the arithmetic as a picture and in words.

import { h } from "../dom.js";
import { t } from "../texts.js";
import { muted, note } from "./marks.js";

/**
 * The same arithmetic under another limit: `deletions × 100 ≥ percent × users`, in whole numbers.
 * @param {Api.DeletionCheck} check
 * @param {number} maxAllowedDeletions
 */
export function underLimit(check, maxAllowedDeletions) {
	const exceeded = check.deletions > 0 && check.deletions * 100 >= maxAllowedDeletions * check.target;
	return { ...check, maxAllowedDeletions, exceeded };
}

/** @param {Api.DeletionCheck} check */
function arithmetic(check) {
	if (!check.deletions) return t("gauge.noDeletions");
	return t(check.exceeded ? "gauge.atOrOver" : "gauge.under", { ...check, limit: check.maxAllowedDeletions });
}

/**
 * @param {{ exceeded: boolean }} check
 * @param {Api.Mode} mode
 * @param {number} [otherReached]
 */
function verdict({ exceeded }, mode, otherReached) {
	if (exceeded) return t(mode === "sync" ? "gauge.wasStopped" : "gauge.wouldBeCancelled");
	return t(mode === "sync" || otherReached ? "gauge.within" : "gauge.wouldGoAhead");
}

/**
 * `otherChecks` are the further limits, each with a verdict of its own.
 * @param {Api.DeletionCheck} check
 * @param {Api.Mode} mode
 * @param {Api.LimitCheck[]} [otherChecks]
 */
export function gauge(check, mode, otherChecks = []) {
	const limit = check.maxAllowedDeletions;
	const end = Math.min(100, Math.max(check.percent, limit, 1) * 1.4);
	const vars = { filled: `${(Math.min(check.percent, end) / end) * 100}%`, limit: `${(limit / end) * 100}%` };
	const title = t("settings.maxAllowedDeletions");
	const reached = otherChecks.filter((each) => each.exceeded);
	return h(
		"div",
		{ class: `gauge ${check.exceeded ? "gauge-exceeded" : ""}` },
		h("div.gauge-head", h("h3", title), muted(t("gauge.limit", { limit }))),
		h("div.gauge-track", { role: "img", "aria-label": `${title}: ${arithmetic(check)}`, vars }, h("span.gauge-fill"), h("span.gauge-limit")),
		note(check.exceeded ? "danger" : "good", h("strong.number", arithmetic(check)), " – ", verdict(check, mode, reached.length)),
		reached.map((each) => note("danger", h("strong.number", otherArithmetic(each)), " – ", verdict(each, mode))),
	);
}

/** @param {Api.LimitCheck} check */
function otherArithmetic({ name, unit, attribute, ...check }) {
	const setting = t(`settings.max${name[0].toUpperCase()}${name.slice(1)}`);
	const how = ["sourceShrink", "emptied"].includes(name) ? name : check.count === null ? unit : "both";
	return [setting, attribute && ` (${attribute})`, ": ", t(`gauge.by.${how}`, check)];
}
