// What stands about each domain: how bad it is, why, and what to do next. Pure.

import { isActive, wouldBeCancelled } from "./parts/marks.js";
import { runAddress } from "./router.js";

/** The verdicts, the worst first. @type {Verdict[]} */
export const VERDICTS = ["unreadable", "failed", "cancelled", "errors", "waits", "questions", "undone", "never", "changes", "disabled", "running", "paused", "good", "removed"];

/**
 * @param {Api.Domain} domain
 * @param {Set<string>} reviewed ids of the dry runs that were looked at
 * @returns {Judged}
 */
export function judged(domain, reviewed) {
	const run = latest(domain);
	const verdict = verdictOf(domain, run);
	// A cancelled sync is approved by the dry run that lists what it would have done.
	const review = verdict === "cancelled" && run?.mode === "sync" ? (domain.lastDryRun?.status === "succeeded" ? domain.lastDryRun : null) : run;
	return { domain, run, review, verdict, rank: VERDICTS.indexOf(verdict), next: nextOf(verdict, review, reviewed) };
}

/**
 * The run that says how the domain stands: the later of the last two.
 * @param {Api.Domain} domain
 */
function latest({ lastDryRun, lastSync }) {
	// What an undo would do says nothing of a sync.
	const dryRun = lastDryRun?.undoes ? null : lastDryRun;
	if (!dryRun || !lastSync) return dryRun ?? lastSync;
	return dryRun.createdAt > lastSync.createdAt ? dryRun : lastSync;
}

/**
 * @param {Api.Domain} domain
 * @param {Api.Run | null} run
 * @returns {Verdict}
 */
function verdictOf(domain, run) {
	if (domain.removed) return "removed";
	if (domain.unreadable.length) return "unreadable";
	if (isActive(domain.activeRun)) return "running";
	if (!run) return "never";
	if (run.status === "failed") return "failed";
	if (run.messageParts.some(({ code }) => code.startsWith("pause."))) return "paused";
	if (run.status === "cancelled" || wouldBeCancelled(run)) return "cancelled";
	if (run.status === "completedWithErrors" || run.counts.failed) return "errors";
	if (domain.periodicSync && domain.waitingForReview) return "waits";
	if (run.undoes) return "undone";
	if (run.questions) return "questions";
	if (run.mode === "dryRun" && changes(run)) return "changes";
	return domain.periodicSync === true ? "good" : "disabled";
}

/** @param {Api.Run} run */
const changes = ({ counts }) => counts.add + counts.update + counts.rename + counts.restore + counts.block + counts.unblock + counts.delete;

/**
 * @param {Verdict} verdict
 * @param {Api.Run | null} review
 * @param {Set<string>} reviewed
 * @returns {Step}
 */
function nextOf(verdict, review, reviewed) {
	switch (verdict) {
		case "unreadable":
			return "settings";
		case "failed":
		case "waits":
		case "undone":
		case "never":
			return "dryRun";
		case "cancelled":
		case "changes":
		case "errors":
		case "questions":
			if (!review) return "dryRun";
			if (!reviewed.has(review.id)) return "review";
			return review.mode === "dryRun" ? "syncNow" : "dryRun";
		case "disabled":
			return "enable";
		default:
			return null;
	}
}

/**
 * The run, with those in front of one's eyes because of whom one looks at it.
 * @param {Api.Run} run
 */
export function reviewAddress(run) {
	const show = run.deletionCheck?.exceeded ? "delete" : run.counts.failed ? "failed" : "";
	return runAddress(run, show ? { show } : {});
}

/**
 * Whether enabling is safe by the last dry run or a later sync: it would go ahead, whole, and leaves nothing open.
 * @param {Judged} judged
 */
export const isClean = ({ verdict, run, domain }) => domain.periodicSync !== true && run !== null && (verdict === "disabled" || verdict === "changes");

/**
 * Domains that fit a filter and words: the name as Entra keeps it, and in its own script.
 * @param {Judged[]} all
 * @param {string} filter
 * @param {string} words
 */
export function fitting(all, filter, words) {
	const wanted = words.normalize("NFKC").trim().toLowerCase();
	return all.filter((one) => fits(one, filter) && [one.domain.name, one.domain.ownScript.toLowerCase()].some((name) => name.includes(wanted)));
}

/**
 * @param {Judged} one
 * @param {string} filter
 */
export function fits({ domain, verdict }, filter) {
	if (filter === "enabled") return domain.periodicSync === true;
	return !filter || verdict === filter;
}

/** @type {Record<string, (one: Judged) => string | number>} */
const SORTS = {
	verdict: ({ rank }) => rank,
	domain: ({ domain }) => domain.name,
	sync: ({ domain }) => -Date.parse(domain.lastSync?.createdAt ?? "1970-01-01"),
	dryRun: ({ domain }) => -Date.parse(domain.lastDryRun?.createdAt ?? "1970-01-01"),
};

/**
 * By that column; the same by name, the tenant's default domain first.
 * @param {Judged[]} all
 * @param {string} column
 */
export function sorted(all, column) {
	const by = SORTS[column] ?? SORTS.verdict;
	return all.toSorted((one, other) => {
		const [a, b] = [by(one), by(other)];
		if (a !== b) return a < b ? -1 : 1;
		return Number(other.domain.isDefault) - Number(one.domain.isDefault) || (one.domain.name < other.domain.name ? -1 : 1);
	});
}

// What says of a side that it can't be read as it should, and holds the remedy.
const OF_SOURCE = /^(source|hennge|csv)\./;
const OF_ENTRA = /^(graph|caller)\./;
const FINDINGS = /^warning\.(deletedUnseen|nobodyDeleted|purposesUntold|deletedUntold|nobodyRenamed|rolesUnread|eligibleMembersUnseen|mailboxesUnread|notSelectable)$/;

/**
 * How both sides are, by what the last runs found: when each was read, and what is amiss.
 * @param {Api.Domain[]} domains
 * @returns {{ source: Side, entra: Side, users: number }}
 */
export function sides(domains) {
	const runs = domains.flatMap(({ lastDryRun, lastSync }) => [lastDryRun, lastSync]).filter((run) => run !== null);
	const newest = runs.toSorted((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
	const read = newest.find((run) => run.counts.source > 0 || run.deletionCheck);
	const failed = newest[0]?.status === "failed" ? newest[0].messageParts : [];
	const users = domains.map((domain) => latest(domain)?.counts.source ?? 0).reduce((sum, n) => sum + n, 0);
	const readAt = read ? (read.startedAt ?? read.createdAt) : null;
	return {
		users,
		source: { readAt, amiss: failed.filter(({ code }) => OF_SOURCE.test(code)) },
		entra: { readAt, amiss: [...failed.filter(({ code }) => OF_ENTRA.test(code)), ...(newest[0]?.warningParts ?? []).filter(({ code }) => FINDINGS.test(code))] },
	};
}

const MEMORY = "console.reviewed";
const REMEMBERED = 300;

/** @returns {string[]} */
const looked = () => JSON.parse(localStorage.getItem(MEMORY) ?? "[]");

/** The runs that were opened in this browser. */
export const reviewedRuns = () => new Set(looked());

/** @param {string} runId */
export function remember(runId) {
	localStorage.setItem(MEMORY, JSON.stringify([runId, ...looked().filter((one) => one !== runId)].slice(0, REMEMBERED)));
}
