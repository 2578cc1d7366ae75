// A dialog whose run was started: progress, then the result in short.

import { h } from "../dom.js";
import { closeDialog, runAddress } from "../router.js";
import { t } from "../texts.js";
import { countsBar, countsLegend, kindsOf } from "./counts.js";
import { dialogBody } from "./dialog.js";
import { gauge } from "./gauge.js";
import { button, isActive, note, statusMark } from "./marks.js";
import { outcomeNote } from "./outcome.js";
import { cancelButton, progressBar, progressText } from "./progress.js";

/**
 * @param {string} title
 * @param {Api.Run} run
 * @param {AnyContext} context
 * @param {Child} [more]
 */
export function startedDialog(title, run, context, more = null) {
	const follow = h("a.button.primary", { href: runAddress(run) }, t(isActive(run) ? "started.follow" : "started.result"));
	return dialogBody({ title, close: closeDialog, body: startedRun(run, context), buttons: [button(t("dialog.close"), closeDialog), more, follow] });
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function startedRun(run, context) {
	if (isActive(run)) {
		return h(
			"div.started",
			h("p", t("started.running")),
			progressBar(run),
			h("span.progress-line", h("span", { role: "status" }, progressText(run)), cancelButton(run, context)),
		);
	}
	const counts = kindsOf(run.counts);
	return h(
		"div.started",
		h("p", { role: "status" }, statusMark(run)),
		outcomeNote(run),
		countsBar(counts),
		countsLegend(counts),
		run.mode === "dryRun" && run.deletionCheck && gauge(run.deletionCheck, run.mode, run.limitChecks),
		run.mode === "dryRun" && run.counts.failed > 0 && note("warning", t("failures.foreseen", { n: run.counts.failed })),
	);
}
