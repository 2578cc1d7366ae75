// One notification: where it goes, what it tells. Its address and secrets are never shown, only kept or set anew.

import { changeTenantSettings, getNotifications, listDomains, Problem } from "../api.js";
import { h } from "../dom.js";
import { dialogBody, onThisVersion } from "../parts/dialog.js";
import { button, muted } from "../parts/marks.js";
import { wrongWith } from "../parts/problem.js";
import { closeDialog } from "../router.js";
import { t } from "../texts.js";
import { NEW } from "./notifications.js";

/** @type {Api.Notification["kind"][]} */
const KINDS = ["teams", "slack", "webhook"];
/** @type {Api.Notification["events"]} */
const EVENTS = ["run.cancelled", "run.failed", "run.recovered", "protection.off", "people.failing", "questions.open", "approval.waiting", "leaver.blocked", "leaver.due", "hold.ending", "pause.started", "pause.ended", "sync.firstClean", "digest.daily", "digest.weekly"];
const AT_FIRST = ["run.cancelled", "run.failed", "run.recovered"];

/** @type {View<NotificationsData>} */
export default {
	title: ({ params }) => titleOf(params.on),

	place: ({ on }) => on,

	async load({ signal }) {
		const [found, { domains }] = await Promise.all([getNotifications(signal), listDomains(signal)]);
		return { ...found, domains: domains.map(({ name }) => name), tried: {} };
	},

	pollAfter: () => null,

	render(context) {
		const { params, data, busy } = context;
		const known = data.notifications.find(({ id }) => id === params.on);
		return dialogBody({
			title: titleOf(params.on),
			close: closeDialog,
			onsubmit: (given) => save(given, known, context),
			body: fields(known, context),
			buttons: [button(t("dialog.cancel"), closeDialog), button(t(busy("save") ? "settings.saving" : "settings.save"), null, { kind: "primary", type: "submit", needs: "Administrator", disabled: busy("save") })],
		});
	},
};

/** @param {string} on */
const titleOf = (on) => (on === NEW ? t("notify.add") : t("notify.editOf", { name: on }));

/**
 * @param {Api.Notification | undefined} known
 * @param {Context<NotificationsData>} context
 */
function fields(known, { data, wrong }) {
	/**
	 * @param {string} name
	 * @param {(id: string, marked: Record<string, unknown>) => Child} input
	 */
	const field = (name, input) => {
		const id = `notification-${name}`;
		const { marked, sentence } = wrongWith(name, id, wrong);
		return h("div.field", { "data-field": name }, h("label", { for: id }, t(`notify.${name}`)), input(id, marked), h("p.muted", { id: `${id}-help` }, t(`notify.${name}Help`)), sentence);
	};
	const kept = known?.secrets ?? [];
	const kind = known?.kind ?? "teams";
	return [
		field("id", (id, marked) => h("input", { id, name: "id", maxlength: 40, value: known?.id ?? "", readonly: known ? true : null, ...marked })),
		field("kind", (id, marked) => h("select", { id, name: "kind", ...marked }, KINDS.map((one) => h("option", { value: one, selected: one === kind }, t(`notify.kind.${one}`))))),
		field("url", (id, marked) => h("input", { id, name: "url", type: "url", autocomplete: "off", placeholder: known ? t("notify.kept") : "https://", ...marked })),
		choices("events", EVENTS.map((one) => [one, t(`notify.event.${one}`), (known?.events ?? AT_FIRST).includes(one)]), wrong),
		choices("domains", data.domains.map((one) => [one, one, known?.domains?.includes(one) ?? false]), wrong),
		field("secrets", (id, marked) => h("input", { id, name: "secret", autocomplete: "off", placeholder: "whsec_", ...marked })),
		kept.length > 0 && choices("kept", kept.map((mask, n) => [mask, t("notify.secretNumber", { n: n + 1 }), true]), wrong),
		h("label.choice", h("input", { type: "checkbox", name: "names", value: "yes", checked: known?.names ?? false }), h("span", h("strong", t("notify.names")), muted(t("notify.namesHelp")))),
	];
}

/**
 * @param {string} name
 * @param {[string, string, boolean][]} options value, text, whether it is chosen
 * @param {FieldError[]} wrong
 */
function choices(name, options, wrong) {
	const { sentence } = wrongWith(name, `notification-${name}`, wrong);
	return h(
		"fieldset",
		{ "data-field": name },
		h("legend", t(`notify.${name}`)),
		h("p.muted", t(`notify.${name}Help`)),
		h("div.ticks", options.map(([value, text, chosen]) => h("label", h("input", { type: "checkbox", name, value, checked: chosen }), h("span", text)))),
		sentence,
	);
}

/**
 * @param {FormData} given
 * @param {Api.Notification | undefined} known
 * @param {Context<NotificationsData>} context
 */
function save(given, known, { data, act, refresh }) {
	/** @param {string} name */
	const text = (name) => String(given.get(name) ?? "").trim();
	const domains = given.getAll("domains");
	const signed = text("kind") === "webhook";
	const secrets = signed ? [...given.getAll("kept"), text("secret")].filter(Boolean) : [];
	const wanted = {
		id: known?.id ?? text("id"),
		kind: text("kind"),
		...(text("url") ? { url: text("url") } : {}),
		secrets,
		events: given.getAll("events"),
		domains: domains.length ? domains : null,
		names: given.has("names"),
	};
	const all = known ? data.notifications.map((one) => (one.id === known.id ? wanted : one)) : [...data.notifications, wanted];
	act("save", async () => {
		const change = () => changeTenantSettings({ notifications: all }, data.etag);
		await onThisVersion(() => atItsField(change), refresh);
		closeDialog();
		dispatchEvent(new Event("changed"));
	});
}

/**
 * The app names "notifications.2.url", which is the field `url` here.
 * @param {() => Promise<void>} change
 */
async function atItsField(change) {
	try {
		await change();
	} catch (error) {
		if (error instanceof Problem) error.errors = error.errors.map(({ field, parts }) => ({ field: field.split(".")[2] ?? "url", parts }));
		throw error;
	}
}
