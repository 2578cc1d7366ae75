// How a run ended, and what comes next.

import { h } from "../dom.js";
import { openDialog, runAddress } from "../router.js";
import { t } from "../texts.js";
import { button, note, outcome, stops, wouldBeCancelled } from "./marks.js";

/**
 * The outcome, as loud as it deserves.
 * @param {Api.Run} run
 */
export function outcomeNote(run) {
	/** @type {Partial<Record<Api.Status, "danger" | "warning">>} */
	const loud = { failed: "danger", cancelled: "warning", completedWithErrors: "warning" };
	const kind = wouldBeCancelled(run) ? "warning" : loud[run.status];
	const steps = nextSteps(run);
	return kind ? note(kind, h("strong", outcome(run)), steps.length > 0 && h("div.actions", steps)) : h("p.outcome", outcome(run));
}

/**
 * What a person can do about a run that did not do its work.
 * @param {Api.Run} run
 * @returns {Child[]}
 */
function nextSteps(run) {
	const { domain, undoes } = run;
	if (["whatIf", "only", "check"].includes(run.kind)) return [];
	const again = button(t("problem.again"), () => (undoes ? openDialog("undo", domain, { of: undoes }) : openDialog(run.mode === "sync" ? "sync-now" : "dry-run", domain)), { needs: run.mode === "sync" ? "Administrator" : "Operator" });
	if (!reachedLimit(run)) return run.status === "succeeded" || run.status === "completedWithErrors" ? [] : [again];
	return [
		(run.deletionCheck?.deletions ?? 0) > 0 && h("a.button", { href: runAddress(run, { show: "delete" }) }, t("outcome.review")),
		button(t("outcome.limit"), () => openDialog("settings", domain), { needs: "Administrator" }),
		run.mode === "sync" && !undoes && again,
	].filter(Boolean);
}

/** @param {Api.Run} run */
const reachedLimit = (run) => wouldBeCancelled(run) || (run.status === "cancelled" && (run.deletionCheck?.exceeded || run.limitChecks.some(stops)));
