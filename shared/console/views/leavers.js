// Who of a domain's leavers waits, until when, and what to do about them.

import { decideAboutLeaver, features, getDomain, listLeavers, orProblem } from "../api.js";
import { h } from "../dom.js";
import { dialogBody, showOnce } from "../parts/dialog.js";
import { leaversText } from "../parts/leavers.js";
import { button, empty, muted, note, pace, table, when } from "../parts/marks.js";
import { foundOr } from "../parts/problem.js";
import { nameOf } from "../people.js";
import { address, go, runAddress } from "../router.js";
import { said, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

const DAY = 24 * 3600_000;

/** @typedef {{ domain: Api.Domain, features: Features, found: Looked<Api.LeaverList> }} Leavers */

/** @type {View<Leavers>} */
export default {
	title: ({ params }) => t("leavers.of", { domain: params.domain }),

	place: ({ domain }) => domain,

	async load({ params, data, signal }) {
		const [domain, able, found] = await Promise.all([getDomain(params.domain, signal), features(), orProblem(listLeavers(params.domain, signal), data?.found[0])]);
		return { domain, features: able, found };
	},

	pollAfter: ({ data }) => pace(data.domain.activeRun),

	render(context) {
		const { domain, features: able, found } = context.data;
		return h(
			"div",
			domainHeader(domain, "leavers", able, context),
			domain.leavers && h("p.muted", t("leavers.set", { terms: leaversText(domain.leavers) })),
			foundOr(found, context.refresh, ({ leavers }) => (leavers.length ? list(leavers, context) : empty(t("leavers.none")))),
		);
	},
};

/**
 * @param {Api.LeaverView[]} leavers
 * @param {Context<Leavers>} context
 */
function list(leavers, context) {
	const columns = ["who", "state", "since", "deleteAt", "decide"].map((key) => [key, t(`leavers.${key}`)]);
	const rows = leavers.map((leaver) => ({ key: leaver.objectId, cells: cells(leaver, context) }));
	return h("div.surface.flush.leavers", table(t("leavers.title"), columns, rows));
}

/**
 * @param {Api.LeaverView} leaver
 * @param {Context<Leavers>} context
 */
function cells(leaver, context) {
	const name = nameOf(leaver) || leaver.objectId;
	/** @param {"delete" | "keep" | "wait"} order */
	const decision = (order) => button(t(`leavers.${order}`), () => ask(leaver, order, context), { kind: "link", needs: "Administrator", disabled: context.busy("decide"), name: t("leavers.orderOf", { order: t(`leavers.${order}`), name }) });
	return {
		who: h("div.stack", h("a.link", { href: address(["people", leaver.objectId]) }, h("strong", name)), muted(leaver.userPrincipalName)),
		state: h("div.stack", t(`leavers.state.${leaver.state}`), leaver.obstacle && muted(said(leaver.obstacle))),
		since: leaver.since ? when(leaver.since) : muted("–"),
		deleteAt: leaver.deleteAt ? when(leaver.deleteAt) : muted(t("settings.leaversNever")),
		decide: h("div.actions", decision("delete"), decision("keep"), decision("wait")),
	};
}

/**
 * @param {Api.LeaverView} leaver
 * @param {"delete" | "keep" | "wait"} order
 * @param {Context<Leavers>} context
 */
function ask(leaver, order, { params, act, refresh }) {
	/** @param {FormData} form */
	const decide = (form) =>
		act("decide", async () => {
			const until = order === "wait" ? new Date(`${form.get("until")}T00:00`).toISOString() : null;
			const answer = await decideAboutLeaver(params.domain, leaver.objectId, { do: order, ...(until ? { until } : {}) });
			if (order === "delete") go(runAddress(answer));
			else await refresh();
		});
	const tomorrow = new Date(Date.now() + DAY).toLocaleDateString("sv");
	showOnce((close) =>
		dialogBody({
			title: t("leavers.orderOf", { order: t(`leavers.${order}`), name: nameOf(leaver) || leaver.objectId }),
			close,
			onsubmit: (given, form) => {
				if (!form.reportValidity()) return;
				close();
				decide(given);
			},
			body: [
				note(order === "delete" ? "warning" : "plain", t(`leavers.${order}More`)),
				order === "wait" && h("div.field", h("label", { for: "leaver-until" }, t("leavers.until")), h("input", { id: "leaver-until", name: "until", type: "date", min: tomorrow, value: tomorrow, required: true })),
			],
			buttons: [button(t("dialog.cancel"), close), button(t(`leavers.${order}`), null, { kind: order === "delete" ? "danger" : "primary", type: "submit" })],
		}),
	);
}
