// Undo: takes a sync back, after a dry run of that if wanted.

import { getRun, undoRun } from "../api.js";
import { h } from "../dom.js";
import { countsLegend, kindsOf } from "../parts/counts.js";
import { dialogBody } from "../parts/dialog.js";
import { button, muted, note, pace, when } from "../parts/marks.js";
import { startedDialog } from "../parts/started.js";
import { change, closeDialog } from "../router.js";
import { t } from "../texts.js";

/** @type {View<{ undone: Api.Run, run: Api.Run | null }>} */
export default {
	title: ({ params }) => t("undo.of", { domain: params.on }),

	place: ({ on, of, run }) => `${on} ${of} ${run ?? ""}`,

	async load({ params, signal }) {
		const [undone, run] = await Promise.all([getRun(params.on, params.of, signal), params.run ? getRun(params.on, params.run, signal) : null]);
		return { undone, run };
	},

	pollAfter: ({ data }) => pace(data.run),

	render(context) {
		const { params, data, act, busy } = context;
		const title = t("undo.of", { domain: params.on });
		if (data.run) {
			const back = data.run.mode === "dryRun" && data.run.status === "succeeded" && button(t("undo.back"), () => change({ run: null }));
			return startedDialog(title, data.run, context, back);
		}
		/**
		 * @param {FormData} form
		 * @param {boolean} dryRun
		 */
		const start = (form, dryRun) =>
			act("start", async () => {
				const run = await undoRun(params.on, params.of, { dryRun, disableAdded: form.get("disableAdded") !== null });
				change({ run: run.id }, { replace: !dryRun });
			});
		/** @param {Event & { target: HTMLElement }} event */
		const preview = (event) => start(new FormData(event.target.closest("form") ?? undefined), true);
		return dialogBody({
			title,
			close: closeDialog,
			onsubmit: (form) => start(form, false),
			body: question(data.undone),
			buttons: [
				button(t("dialog.cancel"), closeDialog),
				button(t("dryRun.title"), preview, { needs: "Administrator", disabled: busy("start") }),
				button(t(busy("start") ? "started.starting" : "undo.title"), null, { kind: "danger", type: "submit", needs: "Administrator", disabled: busy("start") }),
			],
		});
	},
};

/** @param {Api.Run} undone */
function question(undone) {
	return [
		h("p", t("undo.explained"), " ", when(undone.createdAt)),
		countsLegend(kindsOf(undone.counts)),
		note("plain", t("undo.changedSince")),
		undone.counts.add > 0 &&
			h("label.choice", h("input", { type: "checkbox", name: "disableAdded", value: "yes" }), h("span", h("strong", t("undo.disableAdded", { n: undone.counts.add })), muted(t("undo.disableAddedMore")))),
	];
}
