// What waits for a second person: what was asked for, everything that it would do, and confirming or withdrawing it.

import { confirmApproval, listApprovals, withdrawApproval } from "../api.js";
import { h } from "../dom.js";
import { askFirst } from "../parts/dialog.js";
import { button, empty, muted, when } from "../parts/marks.js";
import { address } from "../router.js";
import { authorText, said, t } from "../texts.js";

// Of a long list the page shows so many; the dialog that confirms shows all.
const SHOWN = 10;

/** @type {View<Api.ApprovalList>} */
export default {
	title: () => t("approvals.title"),

	place: () => "approvals",

	load: ({ signal }) => listApprovals(signal),

	pollAfter: () => null,

	render(context) {
		const { approvals } = context.data;
		return h(
			"div",
			h("p", h("a.link", { href: address([]) }, t("domains.title"))),
			h("h1", { tabindex: "-1" }, t("approvals.title")),
			h("p.muted.lead", t("approvals.lead")),
			approvals.length ? approvals.map((one) => card(one, context)) : empty(t("approvals.none")),
		);
	},
};

/**
 * @param {Api.ApprovalView} one
 * @param {Context<Api.ApprovalList>} context
 */
function card(one, { act, refresh, busy }) {
	/** @param {() => Promise<void>} deed */
	const then = (deed) => () =>
		act(one.id, async () => {
			await deed();
			await refresh();
		});
	const confirm = () =>
		askFirst({
			title: t("approvals.confirm"),
			body: [h("p", said(one.asks)), list(one.list)],
			stay: t("dialog.cancel"),
			go: t("approvals.confirm"),
			kind: "primary",
			deed: then(() => confirmApproval(one.id)),
		});
	const more = one.list.length - SHOWN;
	return h(
		"section.surface",
		{ "data-key": one.id },
		h("h2", said(one.asks)),
		h("p", muted(authorText(one.by)), " · ", when(one.at), " · ", t("approvals.until"), " ", when(one.expiresAt)),
		list(one.list.slice(0, SHOWN)),
		more > 0 && muted(t("approvals.more", { n: more })),
		h(
			"div.actions",
			button(t("approvals.confirm"), confirm, { kind: "primary", needs: "Administrator", disabled: busy(one.id) }),
			button(t("approvals.withdraw"), then(() => withdrawApproval(one.id)), { needs: "Administrator", disabled: busy(one.id) }),
		),
	);
}

/** @param {Api.Part[][]} listed */
const list = (listed) => h("ul", listed.map((parts) => h("li", said(parts))));
