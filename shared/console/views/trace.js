// Why one user is what they are: both sides, the rule that matched them, and what a sync would do.

import { features, getDomain, orProblem, trace } from "../api.js";
import { h } from "../dom.js";
import { button, empty, icon, kindMark, muted, note, pace, table } from "../parts/marks.js";
import { againButton, problemNote } from "../parts/problem.js";
import { changesTable, valueText } from "../parts/person.js";
import { change } from "../router.js";
import { attributeText, said, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

/** @type {View<{ domain: Api.Domain, features: Features, found: Api.Trace | null, problem: import("../api.js").Problem | null }>} */
export default {
	title: ({ params }) => t("trace.of", { domain: params.domain }),

	place: ({ domain, user }) => `${domain} ${user ?? ""}`,

	async load({ params, data, signal }) {
		const [domain, able] = await Promise.all([getDomain(params.domain, signal), features()]);
		const wanted = able.trace && !data?.found && params.user;
		const [found, problem] = wanted ? await orProblem(trace(params.domain, wanted, signal)) : [data?.found ?? null, null];
		return { domain, features: able, found, problem };
	},

	pollAfter: ({ data }) => (data.problem ? null : pace(data.domain.activeRun)),

	render(context) {
		const { domain, features: able, found, problem } = context.data;
		const refused = problem && problemNote(problem, againButton(problem, context.refresh));
		return h(
			"div",
			domainHeader(domain, "trace", able, context),
			able.trace ? [form(context.params), refused ?? (found ? result(found) : empty(t("trace.none")))] : empty(t("page.notHere")),
		);
	},
};

/** @param {Params} params */
function form(params) {
	/** @param {SubmitEvent & { target: HTMLFormElement }} event */
	const submit = (event) => {
		event.preventDefault();
		const user = String(new FormData(event.target).get("user")).trim();
		if (user) change({ user });
	};
	return h(
		"form.trace-form",
		{ role: "search", onsubmit: submit },
		h("label", { for: "trace-user" }, t("trace.user")),
		h("div.search", icon("search"), h("input", { id: "trace-user", name: "user", type: "search", value: params.user ?? "", autocomplete: "off", spellcheck: "false", maxlength: "256" }), button(t("trace.look"), null, { type: "submit" })),
	);
}

/** @param {Api.Trace} found */
function result(found) {
	const { source, entra, change: planned, protectionParts, matchedBy, verdictParts } = found;
	const kind = planned?.problemParts.length ? "danger" : planned?.action === "delete" ? "warning" : !source && !entra ? "warning" : "good";
	return h(
		"div",
		note(kind, h("strong", said(verdictParts))),
		h(
			"dl.facts.surface",
			h("div", h("dt", t("trace.matchedBy")), h("dd", t(`trace.by.${matchedBy ?? "nothing"}`))),
			h("div", h("dt", t("trace.protection")), h("dd", protectionParts.length ? said(protectionParts) : t("trace.unprotected"))),
			h("div", h("dt", t("trace.change")), h("dd", planned ? kindMark(planned.problemParts.length ? "failed" : planned.action) : t("counts.none"))),
		),
		(source || entra) && h("div.surface.flush", sides(source, entra)),
		planned && planned.attributes.length > 0 && h("section.surface.flush", h("div.section-head", h("h2", t("run.wouldChange"))), changesTable(planned.attributes)),
	);
}

/**
 * @param {Api.Trace["source"]} source
 * @param {Api.Trace["entra"]} entra
 */
function sides(source, entra) {
	const names = [...new Set([...Object.keys(source ?? {}), ...Object.keys(entra ?? {})])];
	const columns = [["attribute", t("people.attribute")], ["source", t("trace.source")], ["entra", t("trace.entra")]];
	const rows = names.map((name) => ({
		key: name,
		kind: source && entra && name in source && name in entra && source[name] !== entra[name] ? "row-differs" : "",
		cells: { attribute: h("span", { title: name }, sideText(name)), source: side(source, name), entra: side(entra, name) },
	}));
	return table(t("trace.title"), columns, rows);
}

/**
 * @param {Api.Trace["source"]} person
 * @param {string} name
 */
function side(person, name) {
	if (!person) return muted(t("trace.notThere"));
	if (!(name in person)) return "–";
	const value = person[name];
	return value === null || value === "" ? muted(t("people.nothing")) : valueText(name, value);
}

/** @param {string} name */
function sideText(name) {
	if (name === "sourceId") return t("people.sourceId");
	return name === "objectId" ? t("people.objectId") : attributeText(name);
}
