// Everything that an audit log says about one person, in a dialog.

import { h } from "../dom.js";
import { said, t } from "../texts.js";
import { dialogBody, showOnce } from "./dialog.js";
import { button, kindMark, muted, note, table } from "./marks.js";

/** @param {Person} person */
export function showPerson(person) {
	const facts = [
		["people.upn", person.upn],
		["people.objectId", person.objectId],
		["people.sourceId", person.sourceId],
		["people.errorCode", person.errorCode],
		["people.requestId", person.requestId],
	].filter(([, value]) => value);
	showOnce((close) =>
		dialogBody({
			title: person.name || person.upn,
			close,
			body: [
				h("p", kindMark(person.kind)),
				person.errorMessage && note(person.kind === "failed" ? "danger" : "warning", said(person.errorMessage)),
				person.reason && person.reason !== person.errorMessage && h("p", said(person.reason)),
				h("dl.facts", facts.map(([name, value]) => h("div", h("dt", t(name)), h("dd.code", value)))),
				person.changes.length > 0 && changesTable(person.changes),
			],
			buttons: [button(t("dialog.close"), close)],
		}),
	);
}

/** @param {Api.TraceAttribute[]} changes */
export function changesTable(changes) {
	const columns = [["attribute", t("people.attribute")], ["before", t("people.before")], ["after", t("people.after")]];
	const rows = changes.map(({ attribute, before, after }) => ({
		key: attribute,
		cells: { attribute, before: value(before), after: value(after) },
	}));
	return table(t("people.change"), columns, rows);
}

/** @param {string | boolean | null} text */
function value(text) {
	return text === "" || text === null ? muted(t("people.nothing")) : String(text);
}
