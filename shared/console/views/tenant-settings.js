// The tenant's settings: what is in force and from where, tried on a domain before they are saved.

import { changeTenantSettings, getRun, getTenantSettings, listDomains, startWhatIf } from "../api.js";
import { h } from "../dom.js";
import { askFirst, onThisVersion } from "../parts/dialog.js";
import { button, isActive, kindMark, muted, note, pace, searchBox, table } from "../parts/marks.js";
import { wrongWith } from "../parts/problem.js";
import { outcomeNote } from "../parts/outcome.js";
import { progressBar } from "../parts/progress.js";
import { address, change, go, runAddress } from "../router.js";
import { t } from "../texts.js";

const CHOICES = { signIn: ["leave", "block", "follow"], upnFrom: ["userPrincipalName", "email"] };
const LISTS = ["protectedUsers", "foreignDomains"];

/** @type {View<SettingsData>} */
export default {
	title: () => t("tenant.title"),

	place: ({ on, run }) => `settings ${on ?? ""} ${run ?? ""}`,

	async load({ params, data, signal }) {
		const [settings, { domains }] = await Promise.all([getTenantSettings(signal), listDomains(signal)]);
		const changed = data ? [...new Set([...data.changed, ...differing(data.settings, settings)])] : [];
		return { settings, domains, changed, run: params.run ? await getRun(params.on, params.run, signal) : null };
	},

	pollAfter: ({ data }) => pace(data.run ?? undefined),

	render(context) {
		const { data, params } = context;
		return h(
			"div",
			h("header.page-head", h("div", h("p", h("a.link", { href: address([]) }, t("domains.title"))), h("h1", { tabindex: "-1" }, t("tenant.title")), h("p.muted.lead", t("tenant.explained")))),
			data.settings.unreadable.length > 0 && note("warning", t("tenant.unreadable", { names: data.settings.unreadable.join(", ") })),
			data.changed.length > 0 && note("warning", t("tenant.changedMeanwhile", { names: data.changed.map((name) => t(`tenant.${name}`)).join(t("counts.and")) })),
			data.run && tried(data.run, context),
			form(data, params.on, context),
		);
	},
};

/**
 * @param {SettingsData} data
 * @param {string} on
 * @param {Context<SettingsData>} context
 */
function form({ settings, domains, run }, on, { act, busy, complain, wrong }) {
	/** @param {SubmitEvent} event */
	const submit = (event) => {
		event.preventDefault();
		const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
		const domain = String(given.get("domain"));
		/** @type {Record<string, unknown>} */
		let wanted;
		try {
			wanted = changes(given, settings);
		} catch (error) {
			if (!(error instanceof Mistake)) throw error;
			complain([error.at]);
			return;
		}
		act("try", async () => {
			const started = await startWhatIf(domain, wanted);
			change({ on: domain, run: started.id });
		});
	};
	/** @param {keyof Api.TenantSettingsChange} name */
	const value = (name) => (run?.whatIf && name in run.whatIf.settings ? run.whatIf.settings[name] : settings[name].value);
	return h(
		"form.surface",
		{ novalidate: true, onsubmit: submit },
		field("attributeMap", settings, wrong, h("textarea", { id: "tenant-attributeMap", name: "attributeMap", rows: 6, spellcheck: "false" }, mapText(value("attributeMap")))),
		h("p.muted", t("tenant.defaultMap"), " ", h("code", mapText(settings.defaultMap).replaceAll("\n", ", "))),
		field("usageLocation", settings, wrong, h("input", { id: "tenant-usageLocation", name: "usageLocation", maxlength: 2, value: value("usageLocation") ?? "" })),
		Object.entries(CHOICES).map(([name, choices]) =>
			field(name, settings, wrong, h("select", { id: `tenant-${name}`, name }, ["", ...choices].map((one) => h("option", { value: one, selected: one === (/** @type {any} */ (value)(name) ?? "") }, t(`tenant.${name}.${one || "unset"}`))))),
		),
		LISTS.map((name) => field(name, settings, wrong, h("textarea", { id: `tenant-${name}`, name, rows: 3, spellcheck: "false" }, (/** @type {any} */ (value)(name) ?? []).join("\n")))),
		field("scope", settings, wrong, h("textarea", { id: "tenant-scope", name: "scope", rows: 6, spellcheck: "false" }, JSON.stringify(value("scope"), null, 1))),
		h(
			"div.field",
			h("label", { for: "tenant-domain" }, t("tenant.domain")),
			h("select", { id: "tenant-domain", name: "domain" }, domains.filter((one) => !one.removed).map(({ name }) => h("option", { value: name, selected: name === on }, name))),
		),
		button(t(busy("try") ? "tenant.trying" : "tenant.try"), null, { kind: "primary", type: "submit", needs: "Administrator", disabled: busy("try") || isActive(run) }),
	);
}

/**
 * @param {string} name
 * @param {any} settings
 * @param {FieldError[]} wrong
 * @param {HTMLElement} input
 */
function field(name, settings, wrong, input) {
	const { marked, sentence } = wrongWith(name, input.id, wrong);
	for (const [attribute, value] of Object.entries(marked)) if (value) input.setAttribute(attribute, value);
	return h(
		"div.field",
		{ "data-field": name, "data-key": name },
		h("label", { for: input.id }, t(`tenant.${name}`), " ", muted(t(`tenant.from.${settings[name].from.replace(" ", "")}`))),
		input,
		h("p.muted", { id: `${input.id}-help` }, t(`tenant.${name}Help`)),
		sentence,
	);
}

/** @param {any} map */
const mapText = (map) =>
	Object.entries(map ?? {})
		.map(([attribute, from]) => `${attribute} = ${from ?? ""}`)
		.join("\n");

/**
 * What the form says otherwise than what is in force; what was emptied returns to the app setting.
 * @param {FormData} given
 * @param {any} settings
 */
function changes(given, settings) {
	/** @param {string} name */
	const lines = (name) => String(given.get(name)).split("\n").map((line) => line.trim()).filter(Boolean);
	const map = Object.fromEntries(lines("attributeMap").map(mapping));
	/** @type {Record<string, any>} */
	const wanted = { attributeMap: lines("attributeMap").length ? map : null, usageLocation: String(given.get("usageLocation")).trim().toUpperCase() || null };
	for (const name of Object.keys(CHOICES)) wanted[name] = String(given.get(name)) || null;
	for (const name of LISTS) wanted[name] = lines(name).length ? lines(name) : null;
	const scope = String(given.get("scope")).trim();
	wanted.scope = scope ? parsed(scope) : null;
	return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => !same(value, settings[name].value)));
}

/** What was typed can't be read, whatever the app would say to it. */
class Mistake extends Error {
	/** @param {FieldError} at */
	constructor(at) {
		super(at.field);
		this.at = at;
	}
}

/** @param {string} line */
function mapping(line) {
	const [attribute, ...from] = line.split("=");
	if (!from.length) throw new Mistake({ field: "attributeMap", parts: [{ code: "field.noMapping", parameters: { line } }] });
	return [attribute.trim(), from.join("=").trim() || null];
}

/** @param {string} text */
function parsed(text) {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new Mistake({ field: "scope", parts: [{ code: "field.notJson", parameters: { error: String(error) } }] });
	}
}

/**
 * The settings that differ.
 * @param {any} one
 * @param {any} other
 */
const differing = (one, other) => Object.keys(one).filter((name) => one[name]?.from && !same(one[name].value, other[name].value));

/**
 * @param {any} one
 * @param {any} other
 */
const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null) || (empty(one) && empty(other));

/** @param {any} value */
const empty = (value) => value === null || value === undefined || (typeof value === "object" && !Object.keys(value).length);

/**
 * @param {Api.Run} run
 * @param {Context<SettingsData>} context
 */
function tried(run, context) {
	if (isActive(run)) return h("section.surface", h("p", { role: "status" }, t("tenant.running", { domain: run.domain })), progressBar(run));
	const { params } = context;
	const whatIf = run.whatIf;
	if (!whatIf) return null;
	const words = (params.q ?? "").toLowerCase();
	const people = whatIf.some.filter((one) => `${one.userPrincipalName} ${one.displayName}`.toLowerCase().includes(words));
	const good = run.status === "succeeded";
	return h(
		"section.surface",
		h("h2", t("tenant.result", { domain: params.on })),
		outcomeNote(run),
		good && h("p", { role: "status" }, t("tenant.people", { n: whatIf.people })),
		good && whatIf.some.length > 0 && searchBox(t("tenant.find"), params.q, String(people.length)),
		good && people.length > 0 && differences(people),
		h("p", h("a.link", { href: runAddress(run) }, t("started.result"))),
		good && button(t("tenant.save"), () => confirm(run, context), { kind: "primary", needs: "Administrator" }),
	);
}

/** @param {Api.Differs[]} people */
function differences(people) {
	const columns = ["who", "today", "tried"].map((key) => [key, t(`tenant.${key}`)]);
	/** @param {string | null} action */
	const done = (action) => (action ? kindMark(action) : muted(t("tenant.nothing")));
	const rows = people.map((one) => ({ key: one.userPrincipalName, cells: { who: h("div.stack", one.displayName, muted(one.userPrincipalName)), today: done(one.today), tried: done(one.tried) } }));
	return table(t("tenant.differences"), columns, rows);
}

/**
 * Saves exactly what was tried, unless somebody has changed the settings since.
 * @param {Api.Run} run
 * @param {Context<SettingsData>} context
 */
function confirm(run, { data, act, refresh }) {
	const whatIf = /** @type {Api.WhatIf} */ (run.whatIf);
	const syncing = data.domains.filter((one) => one.periodicSync === true).map((one) => one.name);
	const save = () =>
		act("save", async () => {
			await onThisVersion(() => changeTenantSettings(whatIf.settings, whatIf.tenantEtag), refresh);
			go(address(["settings"]));
		});
	askFirst({
		title: t("tenant.save"),
		body: [h("p", t(syncing.length ? "tenant.concerns" : "tenant.concernsNobody")), h("ul", syncing.map((name) => h("li", name)))],
		stay: t("dialog.cancel"),
		go: t("tenant.save"),
		kind: "primary",
		deed: save,
	});
}
