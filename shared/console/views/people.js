// People: found by name, UPN, Username or id; and one of them: both sides, what paired them, what a sync would do now.

import { features, findPeople, getPerson, orProblem, personHistory } from "../api.js";
import { h } from "../dom.js";
import { held, holdButtons } from "../parts/hold.js";
import { addressText, button, empty, icon, kindMark, muted, note, table, when } from "../parts/marks.js";
import { changesTable, valueText } from "../parts/person.js";
import { personHistory as historyOf } from "../parts/person-history.js";
import { foundOr } from "../parts/problem.js";
import { idOf, keyOf } from "../people.js";
import { address, domainAddress, go, openDialog } from "../router.js";
import { attributeText, authorText, said, t } from "../texts.js";
import { breadcrumb } from "./domain-header.js";

/** `after`: of a later reading than that one is shown. */
/** @typedef {{ able: Features, after: number, person: Api.Person | null, found: Api.FoundPeople | null, history: Looked<Api.PersonHistory> | null }} Found */

/** @type {View<Found>} */
export default {
	title: ({ params, data }) => (data?.person ? nameOf(data.person) : (params.person ?? t("person.find"))),

	place: ({ person, q, domain }) => `${person ?? ""} ${person ? (domain ?? "") : (q ?? "")}`,

	async load({ params, data, signal }) {
		const after = data?.after ?? 0;
		const able = await features();
		const { person, q, domain } = params;
		if (able.people && person) {
			const read = await getPerson(person, domain, after, signal);
			const [objectId, sourceId] = [read.entra?.objectId, read.source?.sourceId].map((id) => (id ? String(id) : null));
			const id = keyOf({ objectId, sourceId, userPrincipalName: person });
			return { able, after, person: read, found: null, history: able.history ? await orProblem(personHistory(id, signal)) : null };
		}
		const found = able.people && q ? await findPeople(q, signal) : null;
		if (found?.people.length === 1) go(address(["people", keyOf(found.people[0])]), { replace: true });
		return { able, after, person: null, found, history: null };
	},

	pollAfter: () => null,

	render(context) {
		const { params, data } = context;
		const { person, found, able } = data;
		if (!able.people) return empty(t("page.notHere"));
		const home = h("a", { href: address(["people"]) }, t("person.find"));
		return h(
			"div",
			breadcrumb(person ? home : t("person.find"), person && nameOf(person)),
			h("h1", { tabindex: "-1" }, person ? nameOf(person) : t("person.find")),
			!person && form(params),
			person ? one(person, context) : found ? list(found) : empty(t("person.none")),
		);
	},
};

/** @param {Params} params */
function form(params) {
	/** @param {SubmitEvent & { target: HTMLFormElement }} event */
	const submit = (event) => {
		event.preventDefault();
		const q = String(new FormData(event.target).get("q")).trim();
		if (q) go(address(["people"], { q }));
	};
	return h(
		"form.person-form",
		{ role: "search", onsubmit: submit },
		h("label", { for: "person-q" }, t("person.words")),
		h("div.search", icon("search"), h("input", { id: "person-q", name: "q", type: "search", value: params.q ?? "", autocomplete: "off", spellcheck: "false", maxlength: "256" }), button(t("person.look"), null, { type: "submit" })),
	);
}

/** @param {Api.FoundPeople} found */
function list({ people, more, read }) {
	if (!people.length) return empty(t("people.noMatch"));
	const columns = [["name", t("people.person")], ["upn", t("people.upn")], ["source", t("people.sourceId")], ["entra", t("people.objectId")]];
	const rows = people.map((each) => ({
		key: idOf(each),
		cells: {
			name: h("div.stack", h("a.link", { href: address(["people", keyOf(each)]) }, each.displayName || each.userPrincipalName), each.hold && muted(held(each.hold))),
			upn: addressText(each.userPrincipalName),
			source: each.sourceId ? h("span.code", each.sourceId) : muted(t("person.notThere")),
			entra: each.objectId ? h("span.code", each.objectId) : muted(t("person.notThere")),
		},
	}));
	return h("div", asOf(read), more && note("plain", t("person.more", { n: people.length })), h("div.surface.flush", table(t("people.title"), columns, rows)));
}

/**
 * Of when the source is; nothing where it was read for this answer.
 * @param {Api.Read} read
 */
const asOf = ({ source }) => source && h("p.muted", t("person.asOf"), " ", when(source.endedAt));

/**
 * What the person is called in Entra, or else in the source.
 * @param {Api.Person} person
 */
const nameOf = ({ source, entra, query }) => String(entra?.displayName || source?.displayName || entra?.userPrincipalName || query);

/**
 * @param {Api.Person} found
 * @param {Context<Found>} context
 */
function one(found, context) {
	const { domain, source, entra, change: planned, protectionParts, matchedBy, verdictParts, hold, read } = found;
	const holdable = context.data.able.holds && entra;
	const kind = planned?.problemParts.length ? "danger" : planned?.action === "delete" || (!source && !entra) ? "warning" : planned ? "plain" : "good";
	const id = String(entra?.objectId ?? source?.sourceId ?? "");
	const again = () => {
		context.data.after = read.source?.version ?? 0;
		return context.refresh();
	};
	const changes = planned && planned.action !== "skip" && !planned.problemParts.length;
	return h(
		"div",
		h(
			"div.page-head",
			h("div", h("p.muted.lead", addressText(String(entra?.userPrincipalName ?? source?.userPrincipalName ?? ""))), asOf(read)),
			h(
				"div.actions",
				button(t("person.again"), again),
				holdable && holdButtons(String(entra.objectId), hold, context),
				changes && id && button(t("syncNow.goOnly", { n: 1 }), () => openDialog("sync-now", domain, { only: JSON.stringify([id]) }), { kind: "primary", needs: "Administrator" }),
			),
		),
		note(kind, h("strong", said(verdictParts))),
		h(
			"dl.facts.surface",
			h("div", h("dt", t("domains.domain")), h("dd", h("a.link", { href: domainAddress(domain) }, domain))),
			h("div", h("dt", t("people.matchedBy")), h("dd", t(matchedBy ? `rule.${matchedBy}` : "person.unmatched"))),
			h("div", h("dt", t("person.protection")), h("dd", protectionParts.length ? said(protectionParts) : t("person.unprotected"))),
			hold && h("div", h("dt", t("hold.hold")), h("dd.stack", held(hold), muted(`${hold.reason} · ${authorText(hold.by)}`))),
			h("div", h("dt", t("person.change")), h("dd", planned ? kindMark(planned.problemParts.length ? "failed" : planned.action) : t("counts.none"))),
		),
		(source || entra) && h("div.surface.flush", sides(source, entra)),
		planned && planned.attributes.length > 0 && h("section.surface.flush", h("div.section-head", h("h2", t("run.wouldChange"))), changesTable(planned.attributes)),
		context.data.history && foundOr(context.data.history, context.refresh, historyOf),
	);
}

/**
 * @param {Api.Person["source"]} source
 * @param {Api.Person["entra"]} entra
 */
function sides(source, entra) {
	const names = [...new Set([...Object.keys(source ?? {}), ...Object.keys(entra ?? {})])];
	const columns = [["attribute", t("people.attribute")], ["source", t("person.source")], ["entra", t("person.entra")]];
	const rows = names.map((name) => ({
		key: name,
		kind: source && entra && name in source && name in entra && source[name] !== entra[name] ? "row-differs" : "",
		cells: { attribute: h("span", { title: name }, sideText(name)), source: side(source, name), entra: side(entra, name) },
	}));
	return table(t("person.sides"), columns, rows);
}

/**
 * @param {Api.Person["source"]} person
 * @param {string} name
 */
function side(person, name) {
	if (!person) return muted(t("person.notThere"));
	if (!(name in person)) return "–";
	const value = person[name];
	return value === null || value === "" ? muted(t("people.nothing")) : valueText(name, value);
}

/** @param {string} name */
function sideText(name) {
	if (name === "sourceId") return t("people.sourceId");
	return name === "objectId" ? t("people.objectId") : attributeText(name);
}
