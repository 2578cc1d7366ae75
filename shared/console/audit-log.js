// The people of a run, read from its audit log: one row per changed attribute becomes one person.

import { auditLogText } from "./api.js";
import { parseCsv } from "./csv.js";

/** In the order in which a reader wants to know. */
export const KINDS = ["failed", "doubtful", "question", "delete", "block", "unblock", "rename", "update", "restore", "add", "shielded", "unlinked", "skip"];

/** @type {Record<string, string>} */
const KIND_OF_RESULT = { inDoubt: "doubtful", skipped: "skip", unchanged: "skip" };
// Who is left alone for a reason that a person can end.
/** @type {Record<string, string>} */
const KIND_OF_SKIP = { Question: "question", Shielded: "shielded", Unlinked: "unlinked" };
const FORMULA = /^'(?=[=+\-@＝＋－＠\t\r])|([;\t\n\v\f\r\u2028\u2029])'(?=[ "]*[=+\-@＝＋－＠])/g;
/** @type {Map<string, Person[]>} */
const remembered = new Map();

/**
 * The people of a finished run, worst news first. A finished run's log never changes, so it is read once.
 * @param {Api.Run} run
 * @param {AbortSignal} [signal]
 * @returns {Promise<Person[]>}
 */
export async function peopleOf(run, signal) {
	const known = remembered.get(run.id);
	if (known) return known;
	const people = parsePeople(await auditLogText(run.domain, run.id, signal));
	if (remembered.size >= 5) remembered.clear();
	remembered.set(run.id, people);
	return people;
}

/** @param {string} text */
export function parsePeople(text) {
	const [columns = [], ...rows] = parseCsv(text);
	const column = Object.fromEntries(columns.map((name, index) => [name, index]));
	/** @type {Person[]} */
	const people = [];
	/** @type {Person | null} */
	let last = null;
	for (const cells of rows) {
		/** @param {string} name */
		const cell = (name) => (cells[column[name]] ?? "").replace(FORMULA, "$1");
		const who = [cell("action"), cell("objectId"), cell("sourceId"), cell("userPrincipalName")].join("\n");
		if (last?.who !== who) {
			last = person(who, cell);
			people.push(last);
		}
		if (cell("attribute")) {
			last.changes.push({ attribute: cell("attribute"), before: cell("before"), after: cell("after") });
		}
	}
	return KINDS.flatMap((kind) => people.filter((each) => each.kind === kind));
}

/**
 * @param {string} who
 * @param {(name: string) => string} cell
 * @returns {Person}
 */
function person(who, cell) {
	const failed = cell("result") === "failed" || (cell("result") === "planned" && cell("errorCode") !== "");
	const action = cell("action");
	const kind = KIND_OF_RESULT[cell("result")] ?? action;
	return {
		who,
		kind: failed ? "failed" : kind === "skip" ? (KIND_OF_SKIP[cell("errorCode")] ?? kind) : kind,
		action,
		result: cell("result"),
		upn: cell("userPrincipalName"),
		name: cell("displayName"),
		objectId: cell("objectId"),
		sourceId: cell("sourceId"),
		reason: cell("reason"),
		errorCode: cell("errorCode"),
		errorMessage: cell("errorMessage"),
		requestId: cell("requestId"),
		changes: [],
	};
}

/**
 * How many people of each kind there are.
 * @param {Person[]} people
 * @returns {Tally}
 */
export function tally(people) {
	const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
	for (const each of people) counts[each.kind] += 1;
	return counts;
}

/**
 * Those of a kind ("" for all) in whose names, addresses or ids the words appear.
 * @param {Person[]} people
 * @param {string} kind
 * @param {string} words
 */
export function matching(people, kind, words) {
	const wanted = words.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
	return people.filter((each) => {
		if (kind && each.kind !== kind) return false;
		if (!wanted.length) return true;
		each.text ??= [each.name, each.upn, each.sourceId, each.objectId].join(" ").normalize("NFKC").toLowerCase();
		const { text } = each;
		return wanted.every((word) => text.includes(word));
	});
}
