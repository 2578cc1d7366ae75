// What the source has: its fields, how many people have each, and the map that would suit it.

import { describeSource } from "../api.js";
import { h } from "../dom.js";
import { button, muted, table, when } from "../parts/marks.js";
import { address } from "../router.js";
import { number, said, t } from "../texts.js";

/** `after`: of a later reading than that one is shown. */
/** @type {View<{ found: Api.SourceReport, after: number }>} */
export default {
	title: () => t("source.title"),

	place: () => "source",

	async load({ data, signal }) {
		const after = data?.after ?? 0;
		return { found: await describeSource(after, signal), after };
	},

	pollAfter: () => null,

	render(context) {
		const { found } = context.data;
		const again = () => {
			context.data.after = found.version ?? 0;
			return context.act("read", context.refresh);
		};
		const busy = context.busy("read");
		return h(
			"div",
			h(
				"header.page-head",
				h(
					"div",
					h("p", h("a.link", { href: address([]) }, t("domains.title"))),
					h("h1", { tabindex: "-1" }, t("source.title")),
					h("p.muted.lead", t("source.explained")),
					h("p", t("source.read", { kind: t(`source.${found.kind}`), name: found.name, users: found.users }), " ", when(found.readAt)),
				),
				button(t(busy ? "source.reading" : "source.again"), again, { disabled: busy }),
			),
			h("section.surface.flush", h("div.section-head", h("h2", t("source.suggested")), h("p.muted", t("source.suggestedLead"))), suggested(found)),
			h("section.surface.flush", h("div.section-head", h("h2", t("source.fields"))), fields(found)),
		);
	},
};

/** @param {Api.SourceReport} found */
function suggested(found) {
	const columns = ["attribute", "field", "reason"].map((key) => [key, t(`source.${key}`)]);
	const rows = found.suggested.map((one) => ({
		key: one.attribute,
		cells: { attribute: attribute(one.attribute), field: h("code", one.field), reason: said(one.reasonParts) },
	}));
	return table(t("source.suggested"), columns, rows);
}

/** @param {Api.SourceReport} found */
function fields(found) {
	const columns = ["field", "users", "samples", "fills"].map((key) => [key, t(`source.${key}`)]);
	const rows = found.fields.map((field) => ({
		key: field.name,
		cells: {
			field: h("code", field.name),
			users: h("div.stack", h("span.number", number(field.users)), muted(field.same && t("source.same"))),
			samples: field.secret ? muted(t("source.secret")) : h("span", field.samples.join(" · ")),
			fills: field.fills.length ? h("div.stack", field.fills.map(attribute)) : muted("–"),
		},
	}));
	return table(t("source.fields"), columns, rows);
}

/** @param {string} name */
const attribute = (name) => h("code", name);
