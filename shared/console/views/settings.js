// The settings of a domain. A new limit of the API is one more line in LIMITS.

import { changeDomain, getSettings, listRuns } from "../api.js";
import { h } from "../dom.js";
import { dialogBody, mistakes, onThisVersion } from "../parts/dialog.js";
import { leaversText } from "../parts/leavers.js";
import { comparable, meaning } from "../parts/limits.js";
import { button, note } from "../parts/marks.js";
import { wrongWith } from "../parts/problem.js";
import { closeDialog } from "../router.js";
import { number, t } from "../texts.js";

// "percent" is a number from 0 to 100, "limit" a percentage, a number of people, or both; `optional` may be empty for off.
/** @type {Setting[]} */
const LIMITS = [
	{ name: "maxAllowedDeletions", kind: "percent", optional: false },
	{ name: "maxAdds", kind: "limit", optional: true },
	{ name: "maxUpdates", kind: "limit", optional: true },
	{ name: "maxRenames", kind: "limit", optional: true },
	{ name: "maxCleared", kind: "limit", optional: true },
	{ name: "maxBlocks", kind: "limit", optional: true },
	{ name: "maxSourceShrink", kind: "percent", optional: true },
];

const SYNCS_COMPARED = 30;

/** @type {View<DomainSettingsData>} */
export default {
	title: ({ params }) => t("settings.for", { domain: params.on }),

	place: ({ on }) => on,

	async load({ params, data, signal }) {
		const [fresh, { runs }] = await Promise.all([getSettings(params.on, signal), listRuns(params.on, { limit: SYNCS_COMPARED, mode: "sync" }, signal)]);
		const { lastDryRun, lastSync } = fresh.domain;
		const last = [lastDryRun, lastSync].filter((run) => run?.deletionCheck).sort((one, other) => Date.parse(other?.createdAt ?? "") - Date.parse(one?.createdAt ?? ""))[0];
		const before = data ? changedMeanwhile(data, fresh.domain) : {};
		return { ...fresh, before, users: last?.deletionCheck?.target ?? null, runs: comparable(runs), typed: data?.typed ?? {} };
	},

	pollAfter: () => null,

	render(context) {
		const { params, data, busy } = context;
		// An older version of the app does not know all of them.
		const [first, ...further] = LIMITS.filter(({ name }) => name in data.domain);
		return dialogBody({
			title: t("settings.for", { domain: params.on }),
			close: closeDialog,
			onsubmit: (given, form) => {
				const wrong = mistakes(form);
				if (wrong.length) context.complain(wrong);
				else save(given, [first, ...further], context);
			},
			body: [field(first, context), further.length > 0 && h("fieldset", h("legend", t("settings.further")), h("p.muted", t("settings.furtherMore")), further.map((limit) => field(limit, context))), "leavers" in data.domain && leaversFields(context), "unlinked" in data.domain && unlinkedChoice(data)],
			buttons: [button(t("dialog.cancel"), closeDialog), button(t(busy("save") ? "settings.saving" : "settings.save"), null, { kind: "primary", type: "submit", needs: "Administrator", disabled: busy("save") })],
		});
	},
};

/**
 * What each setting was that somebody else has changed since the form was opened.
 * @param {DomainSettingsData} shown
 * @param {Api.Domain} fresh
 */
function changedMeanwhile({ domain, before }, fresh) {
	const names = /** @type {(Setting["name"] | "unlinked" | "leavers")[]} */ (["leavers", "unlinked", ...LIMITS.map(({ name }) => name)]);
	const opened = names.map((name) => /** @type {[string, any]} */ ([name, name in before ? before[name] : domain[name]]));
	return Object.fromEntries(opened.filter(([name, value]) => !same(value, fresh[/** @type {Setting["name"]} */ (name)])));
}

/**
 * @param {string} name
 * @param {Record<string, any>} before
 * @param {any} now
 */
function changedNote(name, before, now) {
	return name in before && note("warning", t("settings.changedMeanwhile", { before: settingText(before[name]), now: settingText(now) }));
}

/** @param {any} value */
function settingText(value) {
	if (value === null) return t("settings.off");
	if (typeof value === "string") return t(`settings.unlinked.${value}`);
	if (typeof value === "object" && "block" in value) return leaversText(value);
	const { percent, count } = typeof value === "object" ? value : { percent: value, count: null };
	return [percent !== null && `${number(percent)}%`, count !== null && `> ${number(count)}`].filter(Boolean).join(", ");
}

/**
 * @param {Setting} setting
 * @param {Context<DomainSettingsData>} context
 */
function field({ name, kind, optional }, { data, draw, wrong }) {
	const set = data.domain[name];
	const limit = typeof set === "object" ? set : null;
	const value = kind === "limit" ? (limit?.percent ?? null) : /** @type {number | null} */ (set);
	const id = `setting-${name}`;
	const { marked, sentence } = wrongWith(name, id, wrong);
	const described = `${marked["aria-describedby"]} ${id}-meaning`;
	data.typed[name] ??= { percent: value, count: limit?.count ?? null };
	const typed = data.typed[name];
	/** @param {"percent" | "count"} which */
	const type = (which) => (/** @type {InputEvent & { target: HTMLInputElement }} */ { target }) => {
		typed[which] = target.value.trim() === "" ? null : Number(target.value);
		draw();
	};
	return h(
		"div.field",
		{ "data-field": name },
		h("label", { for: id }, t(`settings.${name}`)),
		h(
			"div.field-input",
			h("input", { id, name, type: "number", min: "0", max: "100", step: "1", inputmode: "numeric", required: !optional, value, placeholder: optional ? t("settings.off") : null, ...marked, "aria-describedby": described, oninput: type("percent") }),
			h("span", { "aria-hidden": "true" }, "%"),
			kind === "limit" && people(name, limit?.count ?? null, type("count")),
		),
		h("p", { id: `${id}-help`, class: "muted" }, t(`settings.${name}Help`)),
		h("p", { id: `${id}-meaning`, class: "meaning" }, name === "maxSourceShrink" ? "" : meaning(name, typed, data)),
		sentence,
		changedNote(name, data.before, set),
	);
}

/**
 * @param {string} name
 * @param {number | null} value
 * @param {(event: any) => void} oninput
 */
function people(name, value, oninput) {
	const label = t("settings.countOf", { name: t(`settings.${name}`) });
	return [
		h("span", { "aria-hidden": "true" }, t("settings.and")),
		h("input", { name: `${name}-count`, type: "number", min: "0", step: "1", inputmode: "numeric", value, placeholder: t("settings.off"), "aria-label": label, oninput }),
		h("span", { "aria-hidden": "true" }, t("settings.users")),
	];
}

/** @param {Context<DomainSettingsData>} context */
function leaversFields({ data: { domain, before }, wrong }) {
	const { block = false, deleteAfterDays = 0 } = domain.leavers ?? {};
	const { marked, sentence } = wrongWith("leavers", "setting-leavers", wrong);
	return h(
		"fieldset",
		{ "data-field": "leavers" },
		h("legend", t("settings.leavers")),
		h("p", { id: "setting-leavers-help", class: "muted" }, t("settings.leaversHelp")),
		h("label", h("input", { type: "checkbox", name: "leavers-block", checked: block }), h("span", t("settings.leaversBlock"))),
		h(
			"div.field-input",
			h("label", { for: "setting-leavers" }, t("settings.leaversDays")),
			h("input", { id: "setting-leavers", name: "leavers-days", type: "number", min: "0", max: "3650", step: "1", inputmode: "numeric", value: deleteAfterDays, placeholder: t("settings.leaversNever"), ...marked }),
			h("span", { "aria-hidden": "true" }, t("settings.leaversUnit")),
		),
		sentence,
		changedNote("leavers", before, domain.leavers),
	);
}

/** @param {DomainSettingsData} data */
function unlinkedChoice({ domain: { unlinked }, before }) {
	/** @param {string} value */
	const option = (value) => h("option", { value, selected: value === unlinked }, t(`settings.unlinked.${value}`));
	return h(
		"div.field",
		h("label", { for: "setting-unlinked" }, t("settings.unlinked")),
		h("select", { id: "setting-unlinked", name: "unlinked", "aria-describedby": "setting-unlinked-help" }, option("delete"), option("ask")),
		h("p", { id: "setting-unlinked-help", class: "muted" }, t("settings.unlinkedHelp")),
		changedNote("unlinked", before, unlinked),
	);
}

/**
 * @param {FormData} form
 * @param {Setting[]} limits
 * @param {Context<DomainSettingsData>} context
 */
function save(form, limits, { params, data, act, refresh }) {
	const { domain, etag } = data;
	/** @type {Record<string, SettingValue | string | Api.LeaverTerms>} */
	const changes = {};
	if ("leavers" in domain) {
		const wanted = { block: form.has("leavers-block"), deleteAfterDays: entered(form, "leavers-days") };
		if (!same(wanted, domain.leavers)) changes.leavers = wanted;
	}
	const unlinked = form.get("unlinked");
	if (unlinked !== null && unlinked !== domain.unlinked) changes.unlinked = String(unlinked);
	for (const { name, kind } of limits) {
		const value = entered(form, name);
		const count = entered(form, `${name}-count`);
		const wanted = kind === "percent" ? value : value === null && count === null ? null : { percent: value, count };
		if (!same(wanted, domain[name])) changes[name] = wanted;
	}
	act("save", async () => {
		const change = async () => {
			await changeDomain(params.on, /** @type {Partial<Api.SettingsChange>} */ (changes), etag);
		};
		if (Object.keys(changes).length) await onThisVersion(change, refresh);
		closeDialog();
		dispatchEvent(new Event("changed"));
	});
}

/**
 * @param {FormData} form
 * @param {string} name
 */
function entered(form, name) {
	const text = String(form.get(name) ?? "").trim();
	return text === "" ? null : Number(text);
}

/**
 * @param {any} wanted
 * @param {any} set
 */
function same(wanted, set) {
	if (wanted === null || set === null || typeof wanted !== "object" || typeof set !== "object") return wanted === set;
	return ["block", "count", "deleteAfterDays", "percent"].every((name) => (wanted[name] ?? null) === (set[name] ?? null));
}
