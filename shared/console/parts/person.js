// Everything that a run has about one person, in a dialog.

import { h } from "../dom.js";
import { nameOf } from "../people.js";
import { attributeText, said, t } from "../texts.js";
import { dialogBody, showOnce } from "./dialog.js";
import { button, kindMark, muted, note, table } from "./marks.js";

/** @param {Person} person */
export function showPerson(person) {
	const { kind, obstacle, reason, changes } = person;
	/** @type {[string, Child][]} */
	const facts = [
		["people.upn", person.userPrincipalName],
		["people.objectId", person.objectId],
		["people.sourceId", person.sourceId],
		["people.matchedBy", person.rule && t(`rule.${person.rule}`)],
		["people.errorCode", person.errorCode],
		["people.requestId", person.requestId],
	];
	const told = JSON.stringify(reason) === JSON.stringify(obstacle) ? [] : said(reason);
	showOnce((close) =>
		dialogBody({
			title: nameOf(person),
			close,
			body: [
				h("p", kindMark(kind), " ", notApplied(person)),
				obstacle && note(kind === "failed" ? "danger" : "warning", said(obstacle)),
				told.length > 0 && h("p", told),
				h("dl.facts", facts.filter(([, value]) => value).map(([name, value]) => h("div", h("dt", t(name)), h("dd.code", value)))),
				changes.length > 0 && changesTable(changes),
			],
			buttons: [button(t("dialog.close"), close)],
		}),
	);
}

/**
 * A word on a change of a run that was cancelled as a whole.
 * @param {Person} person
 */
export const notApplied = ({ result }) => result === "notApplied" && muted(t("people.notApplied"));

/** @param {Api.AttributeChange[]} changes */
export function changesTable(changes) {
	const columns = [["attribute", t("people.attribute")], ["before", t("people.before")], ["after", t("people.after")]];
	const rows = changes.map(({ attribute, before, after }) => ({
		key: attribute,
		cells: { attribute: h("span", { title: attribute }, attributeText(attribute)), before: value(attribute, before), after: value(attribute, after) },
	}));
	return table(t("people.change"), columns, rows);
}

/**
 * @param {string} attribute
 * @param {string | boolean | null} given
 */
const value = (attribute, given) => (given === "" || given === null ? muted(t("people.nothing")) : valueText(attribute, given));

/**
 * @param {string} attribute
 * @param {string | boolean | null} given
 */
export function valueText(attribute, given) {
	if (given === "" || given === null) return t("people.nothing");
	if (attribute === "accountEnabled") return t(given === true ? "people.allowed" : "people.blocked");
	return String(given);
}
