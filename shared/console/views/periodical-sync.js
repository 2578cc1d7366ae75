// Enable or Disable Periodical Sync, or watch for a while first, after saying what that means.

import { changeDomain, getSettings } from "../api.js";
import { h } from "../dom.js";
import { dialogBody, onThisVersion } from "../parts/dialog.js";
import { hourly } from "../parts/domain.js";
import { button, note, when } from "../parts/marks.js";
import { closeDialog } from "../router.js";
import { said, t } from "../texts.js";

/** @type {View<{ domain: Api.Domain, etag: string | null, opened: Api.Domain["periodicSync"] }>} */
export default {
	title: ({ params }) => t("periodical.of", { domain: params.on }),

	place: ({ on }) => on,

	// What is asked stays the same, whatever somebody else does meanwhile.
	async load({ params, data, signal }) {
		const fresh = await getSettings(params.on, signal);
		return { ...fresh, opened: data ? data.opened : fresh.domain.periodicSync };
	},

	pollAfter: () => null,

	render({ params, data, act, busy, refresh }) {
		const { domain, etag, opened } = data;
		const on = opened === true;
		const watched = opened === "watch";
		const title = t(on ? "periodical.disableOf" : "periodical.enableOf", { domain: params.on });
		if (domain.periodicSync !== opened) {
			return dialogBody({ title, close: closeDialog, body: note("plain", t("periodical.changedMeanwhile"), " ", t(`periodical.is.${hourly(domain)}`)), buttons: [button(t("dialog.close"), closeDialog)] });
		}
		/** @param {boolean | "watch"} periodicSync */
		const save = (periodicSync) =>
			act("save", async () => {
				const change = async () => {
					await changeDomain(params.on, { periodicSync }, etag);
				};
				await onThisVersion(change, refresh);
				closeDialog();
				dispatchEvent(new Event("changed"));
			});
		return dialogBody({
			title,
			close: closeDialog,
			onsubmit: () => save(!on),
			body: on ? disabling(domain) : enabling(domain),
			buttons: [
				button(t("dialog.cancel"), closeDialog),
				!on && button(t(watched ? "watch.stop" : "watch.start"), () => save(watched ? false : "watch"), { needs: "Administrator", disabled: busy("save") }),
				button(t(busy("save") ? "settings.saving" : on ? "periodical.disable" : "periodical.enable"), null, { kind: "primary", type: "submit", needs: "Administrator", disabled: busy("save") }),
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
