// The list of domains as triage: how both sides are, which domains need somebody, and what is next for each.

import { getDomain, listDomains, may } from "../api.js";
import { h } from "../dom.js";
import { countsShort, kindsOf } from "../parts/counts.js";
import { hourly, limitOf, standing, waits } from "../parts/domain.js";
import { button, empty, icon, isActive, muted, outcome, pace, searchBox, statusIcon, statusMark, table, when } from "../parts/marks.js";
import { paused } from "../parts/pause.js";
import { doneWith, together } from "../parts/together.js";
import { bothSides, MARKS, strip } from "../parts/triage-strip.js";
import { cancelButton, progressBar, progressText } from "../parts/progress.js";
import { address, change, domainAddress, openDialog, runAddress } from "../router.js";
import { t } from "../texts.js";
import { fitting, judged, reviewAddress, reviewedRuns, sorted } from "../triage.js";

// So many running domains are asked about one by one; beyond that the whole list is cheaper.
const ONE_BY_ONE = 6;
const WHOLE_LIST_EVERY = 30_000;
const FILTER_FROM = 9;
/** @type {View<DomainsData>} */
export default {
	title: () => t("domains.title"),

	place: () => "",

	async load({ data, signal }) {
		const running = (data?.domains ?? []).filter((domain) => isActive(domain.activeRun));
		const partly = running.length && running.length <= ONE_BY_ONE && data && Date.now() - data.at < WHOLE_LIST_EVERY;
		if (!partly) return { ...(await listDomains(signal)), at: Date.now(), chosen: data?.chosen ?? new Set(), done: data?.done ?? null };
		const fresh = await Promise.all(running.map((domain) => getDomain(domain.name, signal)));
		const byName = new Map(fresh.map((domain) => [domain.name, domain]));
		return { ...data, domains: data.domains.map((domain) => byName.get(domain.name) ?? domain) };
	},

	pollAfter: ({ data }) => Math.min(...data.domains.map((domain) => pace(domain.activeRun, 30) ?? 30)),

	render(context) {
		const { data, params } = context;
		const reviewed = reviewedRuns();
		const all = data.domains.map((domain) => judged(domain, reviewed));
		const shown = sorted(fitting(all, params.show ?? "", params.q ?? ""), params.sort ?? "");
		return h(
			"div",
			h(
				"header.page-head",
				h("div", h("h1", { tabindex: "-1" }, t("domains.title")), h("p.muted.lead", t("domains.lead")), data.tenant && h("p", t("domains.tenant", { name: data.tenant.displayName }), " ", h("code", data.tenant.id)), h("p", may("Operator") && [h("a.link", { href: address(["source"]) }, t("source.link")), " · "], h("a.link", { href: address(["settings"]) }, t("tenant.link")), " · ", h("a.link", { href: address(["notifications"]) }, t("notify.title")))),
				data.domains.length >= FILTER_FROM && searchBox(t("domains.filter"), params.q, t("domains.shown", { shown: shown.length, all: all.length })),
			),
			bothSides(data),
			strip(all, params.show ?? ""),
			data.domains.length > 1 && may("Operator") && button(t("triage.chooseAll", { n: shown.length }), () => choose(shown, context), { kind: "link" }),
			data.done && doneWith(data.done),
			data.chosen.size > 0 && together(all.filter((one) => data.chosen.has(one.domain.name)), context),
			shown.length ? list(shown, context) : empty(t(all.length ? "domains.noMatch" : "domains.none"), params.show && button(t("triage.all"), () => change({ show: null, q: null }))),
		);
	},
};

/**
 * @param {Judged[]} shown
 * @param {Context<DomainsData>} context
 */
function list(shown, context) {
	const several = context.data.domains.length > 1 && may("Operator");
	const columns = [...(several ? ["choose"] : []), "domain", "verdict", "periodical", "runs", "actions"].map((key) => [key, t(`domains.${key}`)]);
	const rows = shown.map((one) => ({ key: one.domain.name, kind: one.verdict === "running" ? "row-active" : "", cells: { choose: tick(one, context), ...cells(one, context) } }));
	const sort = { by: context.params.sort || "verdict", keys: { domain: "domain", verdict: "verdict", runs: "sync" } };
	return h("div.surface.flush.domains", table(t("domains.title"), columns, rows, sort));
}

/**
 * @param {Judged[]} shown
 * @param {Context<DomainsData>} context
 */
function choose(shown, { data, draw }) {
	data.chosen = new Set(shown.map(({ domain }) => domain.name));
	data.done = null;
	draw();
}

/**
 * @param {Judged} one
 * @param {Context<DomainsData>} context
 */
function tick({ domain }, { data, draw }) {
	/** @param {Event & { currentTarget: HTMLInputElement }} event */
	const onchange = (event) => {
		if (event.currentTarget.checked) data.chosen.add(domain.name);
		else data.chosen.delete(domain.name);
		data.done = null;
		draw();
	};
	return h("input", { type: "checkbox", ".checked": data.chosen.has(domain.name), "aria-label": t("triage.choose", { domain: domain.name }), onchange });
}

/**
 * @param {Judged} one
 * @param {AnyContext} context
 */
function cells(one, context) {
	const { domain, next } = one;
	return {
		domain: h(
			"div.stack",
			h("span", h("a.domain-name", { href: domainAddress(domain.name) }, domain.name), domain.isDefault && h("span.badge", t("triage.default"))),
			domain.ownScript !== domain.name && h("span", domain.ownScript),
			muted(standing(domain)),
			limit(domain),
		),
		verdict: verdictCell(one, context),
		periodical: h(
			"div.stack",
			h("span", { class: `status ${domain.periodicSync ? "status-succeeded" : "status-off"}` }, icon(domain.periodicSync ? "succeeded" : "off"), t(`periodical.${hourly(domain)}`)),
			!waits(domain) && domain.nextRunAt && muted(t("periodical.next"), " ", when(domain.nextRunAt, { short: true })),
			paused(domain),
			domain.periodicSync === "watch" && link(t("watch.title"), domain.name, "watch", t("watch.of", { domain: domain.name })),
			next !== "enable" && periodicButton(domain, "link"),
		),
		runs: h(
			"div.stack",
			runLine(t("mode.dryRun"), domain.lastDryRun, domain.lastDryRun && link(t("audit.view"), domain.name, "audit-logs", t("audit.viewOf", { domain: domain.name }))),
			runLine(t("mode.sync"), domain.lastSync, link(t("logs.title"), domain.name, "sync-logs", t("logs.of", { domain: domain.name }))),
		),
		actions: actions(one),
	};
}

/** @param {Api.Domain} domain */
function limit(domain) {
	const options = { kind: "link", name: t("settings.of", { domain: domain.name, percent: domain.maxAllowedDeletions }) };
	return may("Administrator") ? button(limitOf(domain), () => openDialog("settings", domain.name), options) : muted(limitOf(domain));
}

/**
 * @param {Api.Domain} domain
 * @param {string} kind
 */
function periodicButton(domain, kind) {
	const deed = domain.periodicSync === true ? "disable" : "enable";
	return button(t(kind === "link" ? `periodical.${deed}` : "triage.step.enable"), () => openDialog("periodical-sync", domain.name), { kind, needs: "Administrator", name: t(`periodical.${deed}Of`, { domain: domain.name }) });
}

/**
 * @param {Judged} one
 * @param {AnyContext} context
 */
function verdictCell(one, context) {
	const active = one.domain.activeRun;
	if (isActive(active)) return progressCell(active, context);
	const text = one.verdict === "cancelled" && one.run?.mode === "sync" ? "status.cancelled" : `triage.${one.verdict}`;
	return h("div.stack", h("span", { class: `status status-${MARKS[one.verdict]}` }, icon(MARKS[one.verdict]), h("strong", t(text))), h("span.reason", reason(one)));
}

/**
 * @param {Judged} one
 * @returns {Child}
 */
function reason({ run, verdict }) {
	if (verdict === "unreadable") return t("domains.unreadable");
	if (verdict === "waits") return t("periodical.waits");
	if (verdict === "never" || verdict === "undone" || verdict === "disabled") return t(`triage.${verdict}More`);
	if (!run || verdict === "removed" || verdict === "good") return null;
	return verdict === "changes" ? countsShort(kindsOf(run.counts)) : outcome(run);
}

/**
 * The next step of the domain first, what else can be done beside it.
 * @param {Judged} one
 */
function actions({ domain, review, next }) {
	const active = isActive(domain.activeRun);
	const busy = { disabled: active, why: t("domains.busy") };
	/** @param {Step} step */
	const kind = (step) => (step === next ? "primary" : "link");
	return h(
		"div.actions",
		next === "review" && review && h("a.button.primary", { href: reviewAddress(review), "aria-label": t("triage.reviewOf", { domain: domain.name }) }, t("triage.step.review")),
		next === "settings" && button(t("settings.title"), () => openDialog("settings", domain.name), { kind: "primary", needs: "Administrator", name: t("settings.for", { domain: domain.name }) }),
		next === "enable" && periodicButton(domain, "primary"),
		!domain.removed && button(t("dryRun.title"), () => openDialog("dry-run", domain.name), { ...busy, kind: kind("dryRun"), needs: "Operator", name: t("dryRun.of", { domain: domain.name }) }),
		!domain.removed && button(t("syncNow.title"), () => openDialog("sync-now", domain.name), { ...busy, kind: kind("syncNow"), needs: "Administrator", name: t("syncNow.of", { domain: domain.name }) }),
	);
}

/**
 * @param {string} text
 * @param {string} domain
 * @param {string} page
 * @param {string} name
 */
const link = (text, domain, page, name) => h("a.link", { href: domainAddress(domain, page), "aria-label": name }, text);

/**
 * @param {string} mode
 * @param {Api.Run | null} run
 * @param {Child} more
 */
function runLine(mode, run, more) {
	const result = run ? h("a.run-link", { href: runAddress(run) }, statusIcon(run), `${mode} `, when(run.finishedAt ?? run.createdAt, { relative: "short" })) : muted(`${mode} – `, t("domains.never"));
	return h("div.run-line", result, more && [" · ", more]);
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function progressCell(run, context) {
	return h(
		"div.stack",
		h("span.progress-line", h("a.run-link", { href: runAddress(run) }, statusMark(run)), cancelButton(run, context)),
		progressBar(run),
		h("span.muted.number", progressText(run)),
	);
}
