// Enable or Disable Periodical Sync, or watch for a while first, after saying what that means.

import { changeDomain, getSettings, getTenantSettings } from "../api.js";
import { h } from "../dom.js";
import { dialogBody, onThisVersion } from "../parts/dialog.js";
import { hourly } from "../parts/domain.js";
import { button, note, when } from "../parts/marks.js";
import { pauseButtons, paused } from "../parts/pause.js";
import { closeDialog } from "../router.js";
import { duration, said, t } from "../texts.js";

/** @type {View<{ domain: Api.Domain, etag: string | null, opened: Api.Domain["periodicSync"], schedule: Api.ScheduleView }>} */
export default {
	title: ({ params }) => t("periodical.of", { domain: params.on }),

	place: ({ on }) => on,

	// What is asked stays the same, whatever somebody else does meanwhile.
	async load({ params, data, signal }) {
		const [fresh, { schedule }] = await Promise.all([getSettings(params.on, signal), getTenantSettings(signal)]);
		return { ...fresh, schedule, opened: data ? data.opened : fresh.domain.periodicSync };
	},

	pollAfter: () => null,

	render(context) {
		const { params, data, act, busy, refresh } = context;
		const { domain, etag, opened, schedule } = data;
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
			body: [paused(domain), opened !== false && h("p.actions", pauseButtons(domain, context)), on ? disabling(domain, schedule) : enabling(domain, schedule)],
			buttons: [
				button(t("dialog.cancel"), closeDialog),
				!on && button(t(watched ? "watch.stop" : "watch.start"), () => save(watched ? false : "watch"), { needs: "Administrator", disabled: busy("save") }),
				button(t(busy("save") ? "settings.saving" : on ? "periodical.disable" : "periodical.enable"), null, { kind: "primary", type: "submit", needs: "Administrator", disabled: busy("save") }),
			],
		});
	},
};

/**
 * When it runs, in the schedule's own words and times.
 * @param {Api.ScheduleView} schedule
 */
function times({ everySeconds, expression, next }) {
	const coming = next.flatMap((time, n) => [n > 0 && t("counts.and"), when(time)]);
	return h("p", h("strong", everySeconds ? t("periodical.every", { time: duration(everySeconds) }) : t("periodical.bySchedule")), " ", h("code", expression), h("br"), t("periodical.times"), " ", coming);
}

/**
 * @param {Api.Domain} domain
 * @param {Api.ScheduleView} schedule
 */
function enabling({ lastDryRun, lastSync, lastWatch }, schedule) {
	const found = (lastDryRun ?? lastWatch)?.preCheck;
	return [
		times(schedule),
		h("p", t("periodical.enabling")),
		!lastDryRun && note("warning", t("periodical.noDryRun")),
		lastDryRun && !lastSync && note("plain", t("periodical.noSync")),
		lastDryRun?.deletionCheck?.exceeded && note("warning", t("periodical.exceeded")),
		found?.activeDirectory ? note("warning", t("periodical.activeDirectory")) : !found && h("p.muted", t("periodical.notWithActiveDirectory")),
		found?.noticeParts.filter(({ code }) => code === "preCheck.henngeSync").map((part) => note("warning", said([part]))),
		h("p", h("strong", t("watch.start")), ": ", t("watch.explained")),
	];
}

/**
 * @param {Api.Domain} domain
 * @param {Api.ScheduleView} schedule
 */
function disabling({ nextRunAt }, schedule) {
	return [h("p", t("periodical.disabling")), times(schedule), nextRunAt && h("p.muted", t("periodical.next"), " ", when(nextRunAt))];
}
