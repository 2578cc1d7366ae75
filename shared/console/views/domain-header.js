// The head of every page about one domain: where you are, what is set, what can be done.

import { may } from "../api.js";
import { h } from "../dom.js";
import { hourly, limitOf, standing, waits } from "../parts/domain.js";
import { button, isActive, muted, statusMark, when } from "../parts/marks.js";
import { paused } from "../parts/pause.js";
import { cancelButton, progressBar, progressText } from "../parts/progress.js";
import { address, domainAddress, openDialog, runAddress } from "../router.js";
import { t } from "../texts.js";
import { judged, reviewAddress, reviewedRuns } from "../triage.js";

/** @param {...Child} steps */
export function breadcrumb(...steps) {
	const home = h("a", { href: address([]) }, t("domains.title"));
	return h("nav.breadcrumb", { "aria-label": t("page.breadcrumb") }, h("ol", [home, ...steps].map((step) => h("li", step))));
}

/**
 * `page` is the one of the tabs that is shown.
 * @param {Api.Domain} domain
 * @param {string} page
 * @param {Features} features
 * @param {AnyContext} context
 */
export function domainHeader(domain, page, features, context) {
	const active = isActive(domain.activeRun) ? domain.activeRun : null;
	const busy = { disabled: active !== null, why: t("domains.busy") };
	const { next, review } = judged(domain, reviewedRuns());
	/** @param {Step} step */
	const kind = (step) => (step === next ? "primary" : "");
	return h(
		"header.domain-head",
		breadcrumb(domain.name),
		h(
			"div.page-head",
			h(
				"div",
				h("h1", { tabindex: "-1" }, domain.name),
				h(
					"p.muted.lead",
					standing(domain),
					" · ",
					t(`periodical.is.${hourly(domain)}`),
					domain.periodicSync && [domain.nextRunAt && [", ", t("periodical.next"), " ", when(domain.nextRunAt, { short: true })], waits(domain) && [". ", t("periodical.waits")]],
					" · ",
					limitOf(domain),
				),
				paused(domain),
			),
			h(
				"div.actions",
				next === "review" && review && h("a.button.primary", { href: reviewAddress(review) }, t("triage.step.review")),
				button(t("dryRun.title"), () => openDialog("dry-run", domain.name), { ...busy, kind: kind("dryRun"), needs: "Operator" }),
				button(t("syncNow.title"), () => openDialog("sync-now", domain.name), { ...busy, kind: kind("syncNow"), needs: "Administrator" }),
				button(t(domain.periodicSync === true ? "periodical.disable" : "periodical.enable"), () => openDialog("periodical-sync", domain.name), { kind: kind("enable"), needs: "Administrator" }),
				button(t("settings.title"), () => openDialog("settings", domain.name), { shape: "settings", needs: "Administrator" }),
			),
		),
		active && activeRun(active, context),
		tabs(domain, page, features),
	);
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function activeRun(run, context) {
	return h(
		"div.surface.active-run",
		h("a.run-link", { href: runAddress(run) }, statusMark(run)),
		progressBar(run),
		h("span.progress-line", muted(progressText(run)), cancelButton(run, context)),
	);
}

/**
 * @param {Api.Domain} domain
 * @param {string} page
 * @param {Features} features
 */
function tabs({ name: domain, periodicSync, lastWatch, leavers }, page, features) {
	const staged = leavers?.block || leavers?.deleteAfterDays !== 0;
	/** @type {[string, string, boolean | undefined][]} */
	const pages = [
		["sync-logs", "logs.title", true],
		["audit-logs", "audit.title", true],
		["pre-check", "preCheck.title", features.preCheck && may("Operator")],
		["watch", "watch.title", periodicSync === "watch" || lastWatch !== null],
		["leavers", "leavers.title", features.leavers && (staged || page === "leavers")],
		["changes", "changes.title", features.changes],
	];
	return h(
		"nav.tabs",
		{ "aria-label": t("page.tabs", { domain }) },
		pages
			.filter(([, , there]) => there)
			.map(([name, text]) => h("a", { href: domainAddress(domain, name), "aria-current": name === page ? "page" : null, "data-key": name }, t(text))),
	);
}
