// A run that is not over yet: how far it is, how long it will take, and a way to stop it.

import { cancelRun } from "../api.js";
import { h } from "../dom.js";
import { duration, t } from "../texts.js";
import { askFirst } from "./dialog.js";
import { button, modeText } from "./marks.js";

// From so many changes on, one asks before half of them are left undone.
const LARGE = 50;

/** @param {Api.Run} run */
export function progressBar(run) {
	const { done, total } = run.progress;
	const known = total > 0;
	const percent = known ? Math.floor((done / total) * 100) : 0;
	return h(
		"div",
		{
			class: known ? "progress" : "progress progress-unknown",
			role: "progressbar",
			"aria-label": `${modeText(run)}: ${run.domain}`,
			"aria-valuemin": "0",
			"aria-valuemax": "100",
			"aria-valuenow": known ? percent : null,
			"aria-valuetext": progressText(run),
			vars: { done: `${percent}%` },
		},
		h("span.progress-done"),
	);
}

/** @param {Api.Run} run */
export function progressText(run) {
	const { done, total, etaSeconds } = run.progress;
	if (run.status === "queued") return t("progress.queued");
	if (!total) return t(run.mode === "dryRun" ? "progress.comparing" : "progress.reading");
	const left = etaSeconds === null ? "" : ` · ${t("progress.left", { time: duration(etaSeconds) })}`;
	return t("progress.of", { done, total }) + left;
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
export function cancelButton(run, { act, busy, refresh }) {
	const name = `cancel ${run.id}`;
	const cancel = () =>
		act(name, async () => {
			await cancelRun(run.domain, run.id);
			await refresh();
		});
	const ask = () =>
		askFirst({
			title: t("progress.cancelNamed", { run: modeText(run), domain: run.domain }),
			body: h("p", t("progress.cancelMeans", run.progress)),
			stay: t("progress.goOn"),
			go: t("progress.cancelSync"),
			kind: "danger",
			deed: cancel,
		});
	const large = run.mode === "sync" && run.progress.total >= LARGE;
	return button(t(busy(name) ? "progress.cancelling" : "progress.cancel"), large ? ask : cancel, {
		needs: "Administrator",
		kind: "link",
		disabled: busy(name),
		name: t("progress.cancelNamed", { run: modeText(run), domain: run.domain }),
	});
}
