// What is on a domain that is not a person to synchronise, and what to do about each.

import { features, getDomain, may, orProblem, preCheck, startPreCheck } from "../api.js";
import { h } from "../dom.js";
import { button, empty, icon, isActive, muted, note, pace, table, when } from "../parts/marks.js";
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

	async load({ params, signal }) {
		const able = await features();
		const look = able.preCheck && may("Operator");
		const [found, problem] = look ? await orProblem(preCheck(params.domain, signal)) : [null, null];
		// After it: it may have started a check.
		return { domain: await getDomain(params.domain, signal), features: able, found, problem };
	},

	pollAfter: ({ data }) => (data.problem?.underWay ? 2 : data.problem ? null : pace(data.domain.activeRun)),

	render(context) {
		const { domain, features: able, found, problem } = context.data;
		const refused = problem && problemNote(problem, [againButton(problem, context.refresh), problem.status === 502 && !problem.ofPlatform && checkButton(context)]);
		return h("div", domainHeader(domain, "pre-check", able, context), refused ?? (found ? findings(found, context) : empty(t("page.notHere"))));
	},
};

/**
 * @param {Api.PreCheck} found
 * @param {AnyContext} context
 */
function findings(found, context) {
	return [
		h("div.section-head.plain", h("div", h("p.muted.lead", t("preCheck.explained")), h("p", t("preCheck.found"), " ", when(found.asOf))), checkButton(context)),
		found.noticeParts.length > 0 && note(found.activeDirectory ? "warning" : found.objects.length ? "warning" : "good", said(found.noticeParts)),
		KINDS.map((kind) => group(kind, found.objects.filter((object) => object.kind === kind))),
	];
}

/** @param {AnyContext} context */
function checkButton({ act, busy, data: { domain, found }, refresh }) {
	// Without a run, each answer is a look of its own.
	const again = () =>
		act("look", async () => {
			if (found?.runId !== null) await startPreCheck(domain.name);
			await refresh();
		});
	const looking = busy("look") || (isActive(domain.activeRun) && domain.activeRun.kind === "check");
	return button(t(looking ? "preCheck.looking" : "preCheck.again"), again, { disabled: looking });
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
