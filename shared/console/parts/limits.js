// What a limit means in people, and what it would have meant to the last syncs.

import { h } from "../dom.js";
import { number, t } from "../texts.js";

/** Of a limit, what the runs have counted for it where they did not check it. */
/** @type {Record<string, (counts: Api.Counts) => number>} */
const COUNTED = {
	maxAdds: ({ add, restore }) => add + restore,
	maxUpdates: ({ update }) => update,
	maxRenames: ({ rename }) => rename,
	maxBlocks: ({ block }) => block,
};

/**
 * From how many people on a limit cancels a sync: it takes the percentage and more, and more than the number.
 * @param {{ percent: number | null, count: number | null }} limit
 * @param {number} users
 */
export function reached({ percent, count }, users) {
	return Math.max(1, percent === null ? 0 : Math.ceil((percent * users) / 100), count === null ? 0 : count + 1);
}

/**
 * The syncs of which one can tell what that limit would have done: everybody's, and no undo.
 * @param {Api.Run[]} runs
 */
export const comparable = (runs) => runs.filter((run) => run.kind === "whole" && run.deletionCheck);

/**
 * How many people a sync had of what a limit counts, and of how many; null where that is not known.
 * @param {Api.Run} run
 * @param {string} name
 * @returns {[number, number] | null}
 */
function amount(run, name) {
	const check = run.deletionCheck;
	if (name === "maxAllowedDeletions") return check && [check.deletions - check.approved, check.target];
	const checks = run.limitChecks.filter((each) => `max${each.name[0].toUpperCase()}${each.name.slice(1)}` === name);
	if (checks.length) return [Math.max(...checks.map((each) => each.amount)), checks[0].of];
	return name in COUNTED && check && run.status !== "cancelled" ? [COUNTED[name](run.counts), check.target] : null;
}

/**
 * "20% of 11,997 users: from 2,400 on", and of how many syncs that would have cancelled.
 * @param {string} name
 * @param {{ percent: number | null, count: number | null }} limit
 * @param {{ users: number | null, runs: Api.Run[] }} seen
 */
export function meaning(name, limit, { users, runs }) {
	const { percent, count } = limit;
	const off = percent === null && count === null;
	if (off || !Number.isFinite(percent ?? 0) || !Number.isFinite(count ?? 0) || users === null) return null;
	const whole = users;
	const from = reached(limit, whole);
	const values = { percent: number(percent ?? 0), users: whole, count: count ?? 0, from };
	const means = t(percent === null ? "settings.fromCount" : count === null ? "settings.from" : "settings.fromBoth", values);
	const known = runs.flatMap((run) => {
		const found = amount(run, name);
		return found ? [found] : [];
	});
	const cancelled = known.filter(([people, of]) => people > 0 && people >= reached(limit, of)).length;
	return [means, known.length > 0 && [h("br"), t("settings.wouldHave", { n: known.length, cancelled: number(cancelled) })]];
}
