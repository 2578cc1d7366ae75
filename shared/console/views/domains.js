// The list of domains: what is set, what was done last, what runs now.

import { getDomain, listDomains } from "../api.js";
import { h } from "../dom.js";
import { hourly, limitOf, standing, waits } from "../parts/domain.js";
import { countsShort, kindsOf } from "../parts/counts.js";
import { button, empty, icon, isActive, muted, pace, searchBox, statusMark, table, when } from "../parts/marks.js";
import { cancelButton, progressBar, progressText } from "../parts/progress.js";
import { address, domainAddress, openDialog, runAddress } from "../router.js";
import { t } from "../texts.js";

// So many running domains are asked about one by one; beyond that the whole list is cheaper.
const ONE_BY_ONE = 6;
const WHOLE_LIST_EVERY = 30_000;
const FILTER_FROM = 9;

/** @type {View<{ domains: Api.Domain[], tenant: Api.Tenant | null, at: number }>} */
export default {
	title: () => t("domains.title"),

	place: () => "",

	async load({ data, signal }) {
		const running = (data?.domains ?? []).filter((domain) => isActive(domain.activeRun));
		const partly = running.length && running.length <= ONE_BY_ONE && data && Date.now() - data.at < WHOLE_LIST_EVERY;
		if (!partly) {
			const { domains, tenant } = await listDomains(signal);
			return { domains, tenant, at: Date.now() };
		}
		const fresh = await Promise.all(running.map((domain) => getDomain(domain.name, signal)));
		const byName = new Map(fresh.map((domain) => [domain.name, domain]));
		return { ...data, domains: data.domains.map((domain) => byName.get(domain.name) ?? domain) };
	},

	pollAfter: ({ data }) => Math.min(...data.domains.map((domain) => pace(domain.activeRun, 30) ?? 30)),

	render(context) {
		const { data, params } = context;
		const words = (params.q ?? "").trim().toLowerCase();
		const shown = data.domains.filter((domain) => domain.name.includes(words));
		return h(
			"div",
			h(
				"header.page-head",
				h("div", h("h1", { tabindex: "-1" }, t("domains.title")), h("p.muted.lead", t("domains.lead")), data.tenant && h("p", t("domains.tenant", { name: data.tenant.displayName }), " ", h("code", data.tenant.id)), h("p", h("a.link", { href: address(["source"]) }, t("source.link")), " · ", h("a.link", { href: address(["settings"]) }, t("tenant.link")))),
				data.domains.length >= FILTER_FROM && searchBox(t("domains.filter"), params.q, t("domains.shown", { shown: shown.length, all: data.domains.length })),
			),
			shown.length ? list(shown, context) : empty(t(data.domains.length ? "domains.noMatch" : "domains.none")),
		);
	},
};

/**
 * @param {Api.Domain[]} domains
 * @param {AnyContext} context
 */
function list(domains, context) {
	const columns = ["domain", "periodical", "dryRun", "sync", "actions"].map((key) => [key, t(`domains.${key}`)]);
	const rows = domains.map((domain) => ({ key: domain.name, kind: isActive(domain.activeRun) ? "row-active" : "", cells: cells(domain, context) }));
	return h("div.surface.flush.domains", table(t("domains.title"), columns, rows));
}

/**
 * @param {Api.Domain} domain
 * @param {AnyContext} context
 */
function cells(domain, context) {
	const active = isActive(domain.activeRun) ? domain.activeRun : null;
	const on = domain.periodicSync === true;
	/** @param {Api.Mode} mode */
	const running = (mode) => active && active.mode === mode && progressCell(active, context);
	const busy = { disabled: active !== null, why: t("domains.busy") };
	return {
		domain: h(
			"div.stack",
			h("a.domain-name", { href: domainAddress(domain.name) }, domain.name),
			muted(standing(domain)),
			button(limitOf(domain), () => openDialog("settings", domain.name), {
				kind: "link",
				name: t("settings.of", { domain: domain.name, percent: domain.maxAllowedDeletions }),
			}),
		),
		periodical: h(
			"div.stack",
			h("span", { class: `status ${domain.periodicSync ? "status-succeeded" : "status-off"}` }, icon(domain.periodicSync ? "succeeded" : "off"), t(`periodical.${hourly(domain)}`)),
			waits(domain) ? h("span.warned", t("periodical.waits")) : muted(domain.nextRunAt ? [t("periodical.next"), " ", when(domain.nextRunAt, { short: true })] : t("periodical.noNext")),
			domain.periodicSync === "watch" && link(t("watch.title"), domain.name, "watch", t("watch.of", { domain: domain.name })),
			button(t(on ? "periodical.disable" : "periodical.enable"), () => openDialog("periodical-sync", domain.name), {
				kind: "link",
				name: t(on ? "periodical.disableOf" : "periodical.enableOf", { domain: domain.name }),
			}),
		),
		dryRun: running("dryRun") || runCell(domain.lastDryRun, link(t("audit.view"), domain.name, "audit-logs", t("audit.viewOf", { domain: domain.name }))),
		sync: running("sync") || runCell(domain.lastSync, link(t("logs.title"), domain.name, "sync-logs", t("logs.of", { domain: domain.name }))),
		actions: h(
			"div.actions",
			button(t("dryRun.title"), () => openDialog("dry-run", domain.name), { ...busy, name: t("dryRun.of", { domain: domain.name }) }),
			button(t("syncNow.title"), () => openDialog("sync-now", domain.name), { ...busy, kind: "primary", name: t("syncNow.of", { domain: domain.name }) }),
		),
	};
}

/**
 * @param {string} text
 * @param {string} domain
 * @param {string} page
 * @param {string} name
 */
const link = (text, domain, page, name) => h("a.link", { href: domainAddress(domain, page), "aria-label": name }, text);

/**
 * @param {Api.Run | null} run
 * @param {Child} more
 */
function runCell(run, more) {
	if (!run) return h("div.stack", muted(t("domains.never")), muted("–"), more);
	return h(
		"div.stack",
		h("a.run-link", { href: runAddress(run) }, statusMark(run), muted(" ", when(run.finishedAt ?? run.createdAt, { relative: "short" }))),
		countsShort(kindsOf(run.counts)),
		more,
	);
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
