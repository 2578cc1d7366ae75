// What Sync Now approves of a dry run's list, and whether a limit cancels it all the same.

import { idOf, isLeaving } from "../people.js";
import { underLimit } from "./gauge.js";
import { stops } from "./marks.js";

const EVERY_KIND = /** @type {Api.Approve["kinds"]} */ (["delete", "rename", "clear", "block", "add", "restore", "update"]);
/** As many can be named in one request; of more, all are approved or none. */
export const MOST_NAMED = 1200;
/** Of more deletions, their number has to be typed. */
export const MOST_UNTYPED = 50;

/**
 * What an approval has to name so that no limit stops a sync.
 * @param {Api.Run} dryRun
 * @param {Api.Domain} domain
 */
export function exceeded(dryRun, domain) {
	const further = dryRun.limitChecks.filter((check) => check.exceeded).flatMap((check) => check.kinds);
	/** @type {Api.Approve["kinds"]} */
	const deletions = verdict(dryRun, domain)?.exceeded ? ["delete"] : [];
	return [...new Set([...deletions, ...further])];
}

/**
 * The deletions of the dry run under the limit as it is now.
 * @param {Api.Run} dryRun
 * @param {Api.Domain} domain
 */
export function verdict(dryRun, { maxAllowedDeletions: limit }) {
	return dryRun.deletionCheck && limit !== null ? underLimit(dryRun.deletionCheck, limit) : dryRun.deletionCheck;
}

/**
 * The verdict on what counts once the marked deletions are approved: those that are left.
 * @param {SyncNowData & { dryRun: Api.Run }} data
 */
export function verdictOf({ dryRun, domain, approved, deleted, marked }) {
	const check = verdict(dryRun, domain);
	const left = (deleted ?? []).filter((person) => !marked.has(idOf(person))).length;
	if (!check || !approved || !left) return check;
	return underLimit({ ...check, deletions: left, percent: Math.round((left / check.target) * 1000) / 10 }, check.maxAllowedDeletions);
}

/**
 * Whether a limit cancels this sync, by what the dry run found and what is approved.
 * @param {SyncNowData} data
 */
export function willBeCancelled(data) {
	const { dryRun, domain, approved, only, listed } = data;
	if (!dryRun || (only.length && listed)) return false;
	if (!approved) return Boolean(verdict(dryRun, domain)?.exceeded) || dryRun.limitChecks.some(stops);
	const left = verdictOf({ ...data, dryRun });
	const partly = left && left.deletions !== verdict(dryRun, domain)?.deletions;
	return Boolean(partly && left.exceeded) || dryRun.limitChecks.some((check) => stops(check) && !check.kinds.length);
}

/**
 * Whom this sync deletes: the marked ones, and the accounts that no sync ever knew and that were ticked.
 * @param {SyncNowData} data
 */
export function deletions({ dryRun, deleted, marked, ticked, only }) {
	const listed = only.length ? 0 : (dryRun?.counts.delete ?? 0);
	return (deleted ? marked.size : listed) + ticked.length;
}

/**
 * How many would have to be named if not all deletions are approved.
 * @param {SyncNowData} data
 */
export const named = (data) => alsoNamed(data).length + (data.deleted?.length ?? 0);

/**
 * What is approved, as the API takes it; null for nothing. Over a limit, what the dry run lists is approved by its own
 * tick only.
 * @param {SyncNowData} data
 * @returns {Partial<Api.Approve> | null}
 */
export function approval(data) {
	const { dryRun, domain, listed, deleted, marked, ticked, approved, only, reason } = data;
	if (!dryRun || !listed || !deleted) return null;
	const told = reason ? { reason } : {};
	if (only.length) {
		const planned = listed.filter((person) => isReleased(person) && !person.errorCode);
		return planned.length ? { dryRunId: dryRun.id, kinds: EVERY_KIND, ...ids(planned), ...told } : null;
	}
	const over = exceeded(dryRun, domain);
	if (over.length && !approved && !ticked.length) return null;
	const mayDelete = approved || !over.includes("delete");
	const kinds = [...new Set([.../** @type {Api.Approve["kinds"]} */ (["delete"]), ...(approved ? over : [])])];
	if (mayDelete && marked.size === deleted.length && !ticked.length) return { dryRunId: dryRun.id, kinds, ...told };
	const these = [...(mayDelete ? deleted.filter((person) => marked.has(idOf(person))) : []), ...(approved ? alsoNamed(data) : [])];
	const { objectIds, sourceIds } = ids(these);
	return { dryRunId: dryRun.id, kinds, objectIds: [...objectIds, ...ticked], sourceIds, ...told };
}

/**
 * The people beside those to be deleted who have to be named, or the approval would not be theirs.
 * @param {SyncNowData} data
 */
function alsoNamed({ dryRun, domain, listed }) {
	const over = dryRun ? exceeded(dryRun, domain) : [];
	if (!over.some((kind) => kind !== "delete")) return [];
	return (listed ?? []).filter((person) => isReleased(person) && !isLeaving(person));
}

/**
 * Whether somebody's change is one that an approval can name: no limit counts an unblocked account.
 * @param {Person} person
 */
const isReleased = ({ result, action }) => result === "planned" && action !== "unblock";

/** @param {Person[]} people */
function ids(people) {
	return {
		objectIds: people.flatMap(({ objectId }) => objectId ?? []),
		sourceIds: people.flatMap(({ objectId, sourceId }) => (objectId === null && sourceId) || []),
	};
}
