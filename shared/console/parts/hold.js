// A hold on a person: until when it lasts and why, and the dialogs that set it and lift it.

import { liftHold, setHold } from "../api.js";
import { h } from "../dom.js";
import { t } from "../texts.js";
import { askFirst } from "./dialog.js";
import { button, when } from "./marks.js";

const DAY = 24 * 60 * 60 * 1000;
// As long before the end as the app reminds of it.
const REMINDED_BEFORE = 3 * DAY;
const SUGGESTED = 30 * DAY;
const LONGEST = 365 * DAY;

/**
 * Until when; with a warning where that is soon.
 * @param {Api.Hold} hold
 */
export function held({ until, scope }) {
	const soon = Date.parse(until) - Date.now() <= REMINDED_BEFORE;
	return h(soon ? "span.warned" : "span", t(scope === "all" ? "hold.until" : "hold.untilDelete"), " ", when(until), soon && ` (${t("hold.endsSoon")})`);
}

/**
 * What may be done about the hold of an account.
 * @param {string} objectId
 * @param {Api.Hold | null} hold
 * @param {AnyContext} context
 */
export const holdButtons = (objectId, hold, context) => [
	button(t(hold ? "hold.change" : "hold.set"), () => askToHold(objectId, hold, context), { needs: "Administrator" }),
	hold && button(t("hold.lift"), () => askToLift(objectId, hold, context), { needs: "Administrator" }),
];

/**
 * @param {string} objectId
 * @param {Api.Hold | null} hold
 * @param {AnyContext} context
 */
function askToHold(objectId, hold, { act, refresh }) {
	const now = Date.now();
	const day = (/** @type {number} */ time) => new Date(time).toLocaleDateString("sv"); // as the input takes it
	/** @param {FormData} given */
	const deed = (given) =>
		act("hold", async () => {
			const date = String(given.get("until"));
			// To the end of that day, by the viewer's clock. What is no date is told by the app.
			const until = date ? new Date(`${date}T23:59:59`).toISOString() : "";
			await setHold(objectId, { until, reason: String(given.get("reason")), scope: /** @type {Api.Hold["scope"]} */ (given.get("scope")) });
			await refresh();
		});
	/** @param {Api.Hold["scope"]} scope */
	const choice = (scope) => h("label.choice", h("input", { type: "radio", name: "scope", value: scope, checked: (hold?.scope ?? "all") === scope }), h("span", t(`hold.scope.${scope}`)));
	askFirst({
		title: t(hold ? "hold.change" : "hold.set"),
		body: [
			h("p.muted", t("hold.explained")),
			h("div.field", h("label", { for: "hold-until" }, t("hold.untilEndOf")), h("input", { id: "hold-until", name: "until", type: "date", min: day(now), max: day(now + LONGEST), value: day(hold ? Date.parse(hold.until) : now + SUGGESTED) })),
			h("div.field", h("label", { for: "hold-reason" }, t("hold.reason")), h("input", { id: "hold-reason", name: "reason", type: "text", maxlength: "300", value: hold?.reason ?? "", autocomplete: "off" })),
			h("fieldset", h("legend", t("hold.scope")), choice("all"), choice("delete")),
		],
		stay: t("dialog.cancel"),
		go: t(hold ? "hold.change" : "hold.set"),
		kind: "primary",
		deed,
	});
}

/**
 * @param {string} objectId
 * @param {Api.Hold} hold
 * @param {AnyContext} context
 */
function askToLift(objectId, hold, { act, refresh }) {
	askFirst({
		title: t("hold.lift"),
		body: [h("p", held(hold), `: ${hold.reason}`), h("p.muted", t("hold.liftExplained"))],
		stay: t("dialog.cancel"),
		go: t("hold.lift"),
		kind: "danger",
		deed: () =>
			act("hold", async () => {
				await liftHold(objectId);
				await refresh();
			}),
	});
}
