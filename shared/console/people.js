// The people of a run, by kind and by words.

import { listPeople } from "./api.js";

/** In the order in which a reader wants to know. */
export const KINDS = ["failed", "doubtful", "question", "delete", "block", "unblock", "rename", "update", "restore", "add", "shielded", "unlinked", "waiting", "skip"];

/** @type {Map<string, { people: Person[], more: boolean }>} */
const remembered = new Map();

/**
 * The people of a finished run, worst news first. They never change, so they are read once.
 * @param {Api.Run} run
 * @param {AbortSignal} [signal]
 */
export async function peopleOf(run, signal) {
	const known = remembered.get(run.id);
	if (known) return known;
	const found = await listPeople(run.domain, run.id, signal);
	if (remembered.size >= 5) remembered.clear();
	remembered.set(run.id, found);
	return found;
}

/**
 * What a person is called.
 * @param {{ displayName: string, userPrincipalName: string }} person
 */
export const nameOf = ({ displayName, userPrincipalName }) => displayName || userPrincipalName;

/**
 * Whether somebody is deleted, or blocked so that they are deleted later: an approval of deletions names both.
 * @param {Person} person
 */
export const isLeaving = ({ kind, sourceId }) => kind === "delete" || (kind === "block" && sourceId === null);

/**
 * The person's page: by the account, or by the Username of somebody who has none, which may hold any character.
 * @param {{ objectId: string | null, sourceId: string | null, userPrincipalName: string }} person
 */
export function keyOf({ objectId, sourceId, userPrincipalName }) {
	if (objectId !== null || sourceId === null) return objectId ?? userPrincipalName;
	const bytes = String.fromCharCode(...new TextEncoder().encode(sourceId));
	return `u:${btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
}

/**
 * What the API names a person by in a list: the account, or the source user who has none.
 * @param {{ objectId: string | null, sourceId: string | null, userPrincipalName: string }} person
 */
export const idOf = ({ objectId, sourceId, userPrincipalName }) => objectId ?? sourceId ?? userPrincipalName;

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
 * Those of a kind ("" for all) in whose names, addresses, ids or new values the words appear.
 * @param {Person[]} people
 * @param {string} kind
 * @param {string} words
 */
export function matching(people, kind, words) {
	const wanted = words.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
	return people.filter((each) => {
		if (kind && each.kind !== kind) return false;
		if (!wanted.length) return true;
		each.text ??= [each.displayName, each.userPrincipalName, each.sourceId, each.objectId, ...each.changes.map(({ after }) => after)].join(" ").normalize("NFKC").toLowerCase();
		const { text } = each;
		return wanted.every((word) => text.includes(word));
	});
}
