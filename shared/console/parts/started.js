// What a dialog shows once its run was started: progress, then the result in short.

import { h } from "../dom.js";
import { runAddress } from "../router.js";
import { t } from "../texts.js";
import { countsBar, countsLegend, kindsOf } from "./counts.js";
import { gauge } from "./gauge.js";
import { isActive, note, outcome, statusMark } from "./marks.js";
import { cancelButton, progressBar, progressText } from "./progress.js";

export function startedRun(run, context) {
  if (isActive(run)) {
    return h(
      "div",
      { class: "started" },
      h("p", null, t("started.running")),
      progressBar(run),
      h("span", { class: "progress-line" }, h("span", { role: "status" }, progressText(run)), cancelButton(run, context)),
    );
  }
  const counts = kindsOf(run.counts);
  return h(
    "div",
    { class: "started" },
    h("p", { role: "status" }, statusMark(run.status)),
    h("p", { class: "outcome" }, outcome(run)),
    countsBar(counts),
    countsLegend(counts),
    run.mode === "dryRun" && run.deletionCheck && gauge(run.deletionCheck, run.mode, run.limitChecks),
    run.mode === "dryRun" && run.counts.failed > 0 && note("warning", t("failures.foreseen", { n: run.counts.failed })),
  );
}

export const resultLink = (run) => h("a", { class: "button primary", href: runAddress(run) }, t(isActive(run) ? "started.follow" : "started.result"));
