// What is on a domain that is not a person to synchronise, and what to do about each.

import { features, getDomain, may, orProblem, preCheck } from "../api.js";
import { h } from "../dom.js";
import { button, empty, icon, muted, note, pace, table } from "../parts/marks.js";
import { againButton, problemNote } from "../parts/problem.js";
import { number, said, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

const KINDS = [
	"sharedMailbox", "room", "equipment", "otherMailbox", "resourceAccount", "agent", "group", "application",
	"roleHolder", "onPremisesSynced", "restricted", "guest", "listed", "onHold", "outOfScope", "unknown",
];

/** @type {View<{ domain: Api.Domain, features: Features, found: Api.PreCheck | null, problem: import("../api.js").Problem | null }>} */
export default {
	title: ({ params }) => t("preCheck.of", { domain: params.domain }),

	place: ({ domain }) => domain,

	// The look itself takes a while, so it is made once, and again when asked for.
	async load({ params, data, signal }) {
		const [domain, able] = await Promise.all([getDomain(params.domain, signal), features()]);
		const look = able.preCheck && may("Operator") && !data?.found;
		const [found, problem] = look ? await orProblem(preCheck(params.domain, signal)) : [data?.found ?? null, null];
		return { domain, features: able, found, problem };
	},

	pollAfter: ({ data }) => (data.problem ? null : pace(data.domain.activeRun)),

	render(context) {
		const { domain, features: able, found, problem } = context.data;
		const refused = problem && problemNote(problem, againButton(problem, context.refresh));
		return h("div", domainHeader(domain, "pre-check", able, context), refused ?? (found ? findings(found, context) : empty(t("page.notHere"))));
	},
};

/**
 * @param {Api.PreCheck} found
 * @param {AnyContext} context
 */
function findings(found, context) {
	const { act, busy, data, draw, params } = context;
	const again = () =>
		act("look", async () => {
			data.found = await preCheck(params.domain);
			draw();
		});
	return [
		h(
			"div.section-head.plain",
			h("p.muted.lead", t("preCheck.explained")),
			button(t(busy("look") ? "preCheck.looking" : "preCheck.again"), again, { disabled: busy("look") }),
		),
		found.noticeParts.length > 0 && note(found.activeDirectory ? "warning" : found.objects.length ? "warning" : "good", said(found.noticeParts)),
		KINDS.map((kind) => group(kind, found.objects.filter((object) => object.kind === kind))),
	];
}

/**
 * @param {string} kind
 * @param {Api.PreCheckObject[]} objects
 */
function group(kind, objects) {
	if (!objects.length) return null;
	const columns = ["name", "todo", "command"].map((key) => [key, t(`preCheck.${key}`)]);
	const rows = objects.map((object) => ({ key: object.objectId, cells: cells(object) }));
	return h(
		"section.surface.flush.pre-check",
		{ "data-key": kind },
		h("div.section-head", h("h2", t(`preCheck.kind.${kind}`), h("span.badge.number", number(objects.length)))),
		table(t(`preCheck.kind.${kind}`), columns, rows),
	);
}

/** @param {Api.PreCheckObject} object */
function cells(object) {
	return {
		name: h("div.stack", h("strong", object.name || object.address), muted(object.address), object.leftAlone && h("span.left-alone", icon("skip"), t("preCheck.leftAlone"))),
		todo: h("div.stack", h("span", said(object.whyParts)), muted(said(object.actionParts))),
		command: object.command ? commandCell(object) : muted("–"),
	};
}

/** @param {Api.PreCheckObject} object */
function commandCell({ command, name, address }) {
	/** @param {Event & { currentTarget: HTMLElement }} event */
	const copy = async (event) => {
		const pressed = event.currentTarget;
		const label = /** @type {HTMLElement} */ (pressed.querySelector("span"));
		await navigator.clipboard.writeText(command ?? "");
		pressed.classList.add("copied");
		label.textContent = t("preCheck.copied");
		setTimeout(() => {
			pressed.classList.remove("copied");
			label.textContent = t("preCheck.copy");
		}, 2000);
	};
	return h("div.command", h("code", command), button(t("preCheck.copy"), copy, { kind: "quiet", shape: "copy", name: t("preCheck.copyOf", { name: name || address }) }));
}
