// Who gets word of what: the list, and a test of each.

import { changeTenantSettings, getNotifications, listDomains, testNotification } from "../api.js";
import { h } from "../dom.js";
import { askFirst, onThisVersion } from "../parts/dialog.js";
import { button, empty, muted, note, table, when } from "../parts/marks.js";
import { address, openDialog } from "../router.js";
import { said, t } from "../texts.js";

/** The `on` of the dialog for a notification that is not there yet: no id has this character. */
export const NEW = "+";

/** @type {View<NotificationsData>} */
export default {
	title: () => t("notify.title"),

	place: () => "notifications",

	async load({ data, signal }) {
		const [found, { domains }] = await Promise.all([getNotifications(signal), listDomains(signal)]);
		return { ...found, domains: domains.map(({ name }) => name), tried: data?.tried ?? {} };
	},

	pollAfter: () => null,

	render(context) {
		const { notifications } = context.data;
		return h(
			"div",
			h(
				"header.page-head",
				h("div", h("p", h("a.link", { href: address([]) }, t("domains.title"))), h("h1", { tabindex: "-1" }, t("notify.title")), h("p.muted.lead", t("notify.explained"))),
				button(t("notify.add"), () => openDialog("notification", NEW), { kind: "primary", needs: "Administrator" }),
			),
			notifications.length ? h("div.surface.flush", list(notifications, context)) : empty(t("notify.none")),
		);
	},
};

/**
 * @param {Api.Notification[]} notifications
 * @param {Context<NotificationsData>} context
 */
function list(notifications, context) {
	const columns = ["to", "events", "of", "deeds"].map((key) => [key, t(`notify.${key}`)]);
	const rows = notifications.map((one) => ({
		key: one.id,
		cells: {
			to: h("div.stack", h("strong", one.id), muted(t(`notify.kind.${one.kind}`)), one.setAt && muted(t("notify.setAt"), " ", when(one.setAt))),
			events: h("div.stack", one.events.map((event) => h("span", t(`notify.event.${event}`))), one.names && muted(t("notify.withNames"))),
			of: one.domains ? h("div.stack", one.domains.map((name) => h("span", name))) : t("notify.all"),
			deeds: h(
				"div.stack",
				h("div.actions", button(t("notify.test"), () => test(one.id, context), { needs: "Administrator", disabled: context.busy(`test ${one.id}`), name: t("notify.testOf", { name: one.id }) }), button(t("notify.edit"), () => openDialog("notification", one.id), { needs: "Administrator", name: t("notify.editOf", { name: one.id }) }), button(t("notify.remove"), () => remove(one, context), { kind: "link", needs: "Administrator", name: t("notify.removeOf", { name: one.id }) })),
				h("div", { role: "status" }, tried(context.data.tried[one.id])),
			),
		},
	}));
	return table(t("notify.title"), columns, rows);
}

/** @param {Api.DeliveryView | undefined} delivery */
function tried(delivery) {
	if (!delivery) return null;
	return delivery.delivered ? note("plain", t("notify.delivered")) : note("danger", h("strong", t("notify.notDelivered")), " ", said(delivery.why));
}

/**
 * @param {string} id
 * @param {Context<NotificationsData>} context
 */
function test(id, { act, data }) {
	delete data.tried[id];
	act(`test ${id}`, async () => {
		data.tried[id] = await testNotification(id);
	});
}

/**
 * @param {Api.Notification} gone
 * @param {Context<NotificationsData>} context
 */
function remove(gone, { act, data, refresh }) {
	const left = data.notifications.filter(({ id }) => id !== gone.id);
	askFirst({
		title: t("notify.removeOf", { name: gone.id }),
		body: h("p", t("notify.removeMore")),
		stay: t("dialog.cancel"),
		go: t("notify.remove"),
		kind: "danger",
		deed: () =>
			act("remove", async () => {
				await onThisVersion(() => changeTenantSettings({ notifications: left }, data.etag), refresh);
				await refresh();
			}),
	});
}
