// A pause of a domain's periodic sync: until when and why, and the dialogs that set it and end it.

import { changeDomain } from "../api.js";
import { h } from "../dom.js";
import { t } from "../texts.js";
import { askFirst } from "./dialog.js";
import { button, when } from "./marks.js";

const DAY = 24 * 60 * 60 * 1000;
const SUGGESTED = 7 * DAY;
const LONGEST = 365 * DAY;

/**
 * Until when, and why, the timer starts nothing there.
 * @param {Api.Domain} domain
 */
export const paused = ({ pausedUntil, pauseReason }) =>
	pausedUntil && h("p.warned", t("periodical.paused"), " ", when(pausedUntil), pauseReason && `: ${pauseReason}`);

/**
 * What may be done about the pause of a domain.
 * @param {Api.Domain} domain
 * @param {AnyContext} context
 */
export const pauseButtons = (domain, context) => [
	button(t(domain.pausedUntil ? "pause.change" : "pause.set"), () => askToPause(domain, context), { needs: "Administrator" }),
	domain.pausedUntil && button(t("pause.end"), () => askToEnd(domain, context), { needs: "Administrator" }),
];

/**
 * @param {Api.Domain} domain
 * @param {AnyContext} context
 */
function askToPause({ name, pausedUntil, pauseReason }, context) {
	const now = Date.now();
	const day = (/** @type {number} */ time) => new Date(time).toLocaleDateString("sv"); // as the input takes it
	/** @param {FormData} given */
	const deed = (given) => {
		const date = String(given.get("until"));
		// To the end of that day, by the viewer's clock. What is no date is told by the app.
		return save(name, { pausedUntil: date ? new Date(`${date}T23:59:59`).toISOString() : "", pauseReason: String(given.get("reason")) || null }, context);
	};
	askFirst({
		title: t(pausedUntil ? "pause.change" : "pause.set"),
		body: [
			h("p.muted", t("pause.explained")),
			h("div.field", h("label", { for: "pause-until" }, t("pause.untilEndOf")), h("input", { id: "pause-until", name: "until", type: "date", min: day(now), max: day(now + LONGEST), value: day(pausedUntil ? Date.parse(pausedUntil) : now + SUGGESTED) })),
			h("div.field", h("label", { for: "pause-reason" }, t("pause.reason")), h("input", { id: "pause-reason", name: "reason", type: "text", maxlength: "300", value: pauseReason ?? "", autocomplete: "off" })),
		],
		stay: t("dialog.cancel"),
		go: t(pausedUntil ? "pause.change" : "pause.set"),
		kind: "primary",
		deed,
	});
}

/**
 * @param {Api.Domain} domain
 * @param {AnyContext} context
 */
function askToEnd(domain, context) {
	askFirst({
		title: t("pause.end"),
		body: [paused(domain), h("p.muted", t("pause.endExplained"))],
		stay: t("dialog.cancel"),
		go: t("pause.end"),
		kind: "primary",
		deed: () => save(domain.name, { pausedUntil: null }, context),
	});
}

/**
 * @param {string} name
 * @param {Partial<Api.SettingsChange>} pause
 * @param {AnyContext} context
 */
const save = (name, pause, { act, refresh }) =>
	act("pause", async () => {
		await changeDomain(name, pause, null);
		await refresh();
		dispatchEvent(new Event("changed"));
	});
