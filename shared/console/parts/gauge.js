// Deletions against Max Allowed Deletions: the arithmetic as a picture and in words.

import { h } from "../dom.js";
import { t } from "../texts.js";
import { muted, note } from "./marks.js";

/** The same arithmetic under another limit: `deletions × 100 ≥ percent × users`, in whole numbers. */
export function underLimit(check, maxAllowedDeletions) {
	const exceeded = check.deletions > 0 && check.deletions * 100 >= maxAllowedDeletions * check.target;
	return { ...check, maxAllowedDeletions, exceeded };
}

/** "3 of 26 users = 11.5 % < 20 %" */
export function arithmetic(check) {
	if (!check.deletions) return t("gauge.noDeletions");
	const { deletions, target, percent } = check;
	return t(check.exceeded ? "gauge.atOrOver" : "gauge.under", { deletions, target, percent, limit: check.maxAllowedDeletions });
}

export function verdict(check, mode) {
	if (mode === "sync") return t(check.exceeded ? "gauge.wasStopped" : "gauge.wentAhead");
	return t(check.exceeded ? "gauge.wouldBeCancelled" : "gauge.wouldGoAhead");
}

/** `otherChecks` are the further limits, each with a verdict of its own. */
export function gauge(check, mode, otherChecks = []) {
	const limit = check.maxAllowedDeletions;
	const end = Math.min(100, Math.max(check.percent, limit, 1) * 1.4);
	const vars = { filled: `${(Math.min(check.percent, end) / end) * 100}%`, limit: `${(limit / end) * 100}%` };
	const title = t("settings.maxAllowedDeletions");
	return h(
		"div",
		{ class: `gauge ${check.exceeded ? "gauge-exceeded" : ""}` },
		h("div.gauge-head", h("h3", title), muted(t("gauge.limit", { limit }))),
		h("div.gauge-track", { role: "img", "aria-label": `${title}: ${arithmetic(check)}`, vars }, h("span.gauge-fill"), h("span.gauge-limit")),
		note(check.exceeded ? "danger" : "good", h("strong.number", arithmetic(check)), " – ", verdict(check, mode)),
		otherChecks.filter((each) => each.exceeded).map((each) => note("danger", otherVerdict(each))),
	);
}

function otherVerdict({ name, amount, of, limit, unit }) {
	const counted = unit === "percent" ? t("gauge.otherPercent", { amount, of, limit }) : t("gauge.otherCount", { amount, limit });
	return `${t(`settings.${name}`)}: ${counted}`;
}
