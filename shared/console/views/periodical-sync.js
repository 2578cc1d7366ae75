// Enable or Disable Periodical Sync, or watch for a while first, after saying what that means.

import { changeDomain, getSettings } from "../api.js";
import { h } from "../dom.js";
import { dialogBody } from "../parts/dialog.js";
import { button, note, when } from "../parts/marks.js";
import { closeDialog } from "../router.js";
import { said, t } from "../texts.js";

/** @type {View<{ domain: Api.Domain, etag: string | null }>} */
export default {
	title: ({ params }) => t("periodical.of", { domain: params.on }),

	place: ({ on }) => on,

	load: ({ params, signal }) => getSettings(params.on, signal),

	pollAfter: () => null,

	render({ params, data, act, busy }) {
		const { domain, etag } = data;
		const on = domain.periodicSync === true;
		const watched = domain.periodicSync === "watch";
		/** @param {boolean | "watch"} periodicSync */
		const save = (periodicSync) =>
			act("save", async () => {
				await changeDomain(params.on, { periodicSync }, etag);
				closeDialog();
				dispatchEvent(new Event("changed"));
			});
		return dialogBody({
			title: t(on ? "periodical.disableOf" : "periodical.enableOf", { domain: params.on }),
			close: closeDialog,
			onsubmit: () => save(!on),
			body: on ? disabling(domain) : enabling(domain),
			buttons: [
				button(t("dialog.cancel"), closeDialog),
				!on && button(t(watched ? "watch.stop" : "watch.start"), () => save(watched ? false : "watch"), { disabled: busy("save") }),
				button(t(busy("save") ? "settings.saving" : on ? "periodical.disable" : "periodical.enable"), null, { kind: "primary", type: "submit", disabled: busy("save") }),
			],
		});
	},
};

/** @param {Api.Domain} domain */
function enabling({ lastDryRun, lastSync, lastWatch }) {
	const found = (lastDryRun ?? lastWatch)?.preCheck;
	return [
		h("p", t("periodical.enabling")),
		!lastDryRun && note("warning", t("periodical.noDryRun")),
		lastDryRun && !lastSync && note("plain", t("periodical.noSync")),
		lastDryRun?.deletionCheck?.exceeded && note("warning", t("periodical.exceeded")),
		found?.activeDirectory ? note("warning", t("periodical.activeDirectory")) : !found && h("p.muted", t("periodical.notWithActiveDirectory")),
		found?.noticeParts.filter(({ code }) => code === "preCheck.henngeSync").map((part) => note("warning", said([part]))),
		h("p", h("strong", t("watch.start")), ": ", t("watch.explained")),
	];
}

/** @param {Api.Domain} domain */
function disabling({ nextRunAt }) {
	return [h("p", t("periodical.disabling")), nextRunAt && h("p.muted", t("periodical.next"), " ", when(nextRunAt))];
}
