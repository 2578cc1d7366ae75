// What runs and administrators did to a person, newest first.

import { h } from "../dom.js";
import { runAddress } from "../router.js";
import { attributeText, authorText, said, t } from "../texts.js";
import { kindMark, muted, note, table, when } from "./marks.js";
import { valueText } from "./person.js";

/** @param {Api.PersonHistory} history */
export function personHistory({ entries, more, days }) {
	const head = h("div.section-head", h("h2", t("history.title")), h("p.muted", days ? t("history.explained", { n: days }) : t("history.off")));
	const columns = ["at", "what", "attributes", "why"].map((name) => [name, t(`history.${name}`)]);
	const rows = entries.map((entry, nth) => ({
		key: `${entry.at} ${nth}`,
		cells: { at: done(entry), what: what(entry), attributes: attributes(entry), why: h("div.stack", said(entry.reasonParts), entry.errorParts.length > 0 && h("span.warned", said(entry.errorParts))) },
	}));
	return h("section.surface.flush", head, rows.length > 0 && table(t("history.title"), columns, rows), !rows.length && days > 0 && h("p.muted.lead", t("history.none")), more && note("plain", t("history.more", { n: entries.length })));
}

/** @param {Api.HistoryEntry} entry */
const done = ({ at, by, approvedBy }) => h("div.stack", when(at), muted(authorText(by)), approvedBy && approvedBy !== by && muted(t("history.approvedBy", { name: authorText(approvedBy) })));

/** @param {Api.HistoryEntry} entry */
function what({ action, result, domain, runId, kind }) {
	if (!domain || !runId) return h("strong", t(`history.act.${action}`));
	const mark = kindMark(result === "failed" ? "failed" : result === "inDoubt" ? "doubtful" : action);
	return h("div.stack", h("span", mark), h("a.link", { href: runAddress({ domain, id: runId }) }, t(kind === "undo" ? "history.undo" : "history.run")));
}

/** @param {Api.HistoryEntry} entry */
const attributes = ({ attributes, values }) =>
	h("div.stack", values ? values.map(({ attribute, before, after }) => h("span", attributeText(attribute), muted(`: ${valueText(attribute, before)} → ${valueText(attribute, after)}`))) : attributes.map((name) => h("span", attributeText(name))));
