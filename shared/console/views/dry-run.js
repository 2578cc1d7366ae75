// Dry Run: asks, starts, shows progress, then the result in short.

import { getDomain, getRun, startDryRun } from "../api.js";
import { h } from "../dom.js";
import { dialogBody } from "../parts/dialog.js";
import { button, isActive, note, pace } from "../parts/marks.js";
import { startedDialog } from "../parts/started.js";
import { change, closeDialog } from "../router.js";
import { t } from "../texts.js";

/** @type {View<{ run: Api.Run } | { run?: undefined, domain: Api.Domain }>} */
export default {
	title: ({ params }) => t("dryRun.of", { domain: params.on }),

	place: ({ on, run }) => `${on} ${run ?? ""}`,

	async load({ params, signal }) {
		if (params.run) return { run: await getRun(params.on, params.run, signal) };
		return { domain: await getDomain(params.on, signal) };
	},

	pollAfter: ({ data }) => pace(data.run),

	render(context) {
		const { params, data, act, busy } = context;
		const title = t("dryRun.of", { domain: params.on });
		if (data.run) return startedDialog(title, data.run, context);
		const start = () =>
			act("start", async () => {
				const run = await startDryRun(params.on);
				change({ run: run.id }, { replace: true });
			});
		const overwrites = data.domain.lastDryRun?.auditLog.available;
		return dialogBody({
			title,
			close: closeDialog,
			onsubmit: start,
			body: [
				h("p", t("dryRun.explained")),
				overwrites && note("warning", t("dryRun.overwrites")),
				isActive(data.domain.activeRun) && note("plain", t("domains.busy")),
				h("p.muted", t("dryRun.limitNote")),
			],
			buttons: [
				button(t("dialog.cancel"), closeDialog),
				button(t(busy("start") ? "started.starting" : "dryRun.title"), null, { kind: "primary", type: "submit", needs: "Operator", disabled: busy("start") || isActive(data.domain.activeRun) }),
			],
		});
	},
};
