// <people-table>: the people of a run. Only the rows in sight are in the document, so ten thousand scroll as ten do.

import { h } from "../dom.js";
import { nameOf } from "../people.js";
import { attributeText, said, t } from "../texts.js";
import { notApplied, showPerson, valueText } from "./person.js";
import { button, kindMark, muted } from "./marks.js";

const SPARE_ROWS = 6;

class PeopleTable extends HTMLElement {
	/** @type {Person[]} */
	#people = [];
	/** @type {Map<number, HTMLElement>} */
	#rows = new Map();
	#table = h("div.people", { role: "table" });
	#lines = h("div.people-lines");
	#body = h("div.people-body", { tabindex: "0", role: "rowgroup" }, this.#lines);
	#head = h("div.people-row.people-head", { role: "row" });
	#pending = 0;
	#language = "";
	#resized = new ResizeObserver(() => this.#draw());

	/** @param {Person[]} people */
	set people(people) {
		const language = document.documentElement.lang;
		if (people === this.#people && language === this.#language) return;
		this.#people = people;
		this.#language = language;
		this.#clear();
		if (this.isConnected) this.#draw();
	}

	connectedCallback() {
		if (!this.firstChild) {
			this.#table.append(h("div", { role: "rowgroup" }, this.#head), this.#body);
			this.append(this.#table);
		}
		this.#body.onscroll = () => {
			this.#pending ||= requestAnimationFrame(() => this.#draw());
		};
		this.#resized.observe(this.#body);
		this.#draw();
	}

	disconnectedCallback() {
		this.#resized.disconnect();
	}

	#clear() {
		this.#lines.replaceChildren();
		this.#rows.clear();
		this.#body.scrollTop = 0;
	}

	#draw() {
		this.#pending = 0;
		this.#table.setAttribute("aria-rowcount", String(this.#people.length + 1));
		this.#table.setAttribute("aria-label", t("people.title"));
		this.#body.setAttribute("aria-label", t("people.title"));
		this.#head.replaceChildren(...["kind", "person", "change"].map((name) => h("div", { role: "columnheader" }, t(`people.${name}`))));
		this.#head.append(h("div", { role: "columnheader" }, h("span.hidden", t("people.details"))));
		const height = parseFloat(getComputedStyle(this).getPropertyValue("--row-height"));
		this.#lines.style.setProperty("--all-rows", `${this.#people.length * height}px`);
		const first = Math.max(0, Math.floor(this.#body.scrollTop / height) - SPARE_ROWS);
		const last = Math.min(this.#people.length, Math.ceil((this.#body.scrollTop + this.#body.clientHeight) / height) + SPARE_ROWS);
		for (const [index, row] of this.#rows) {
			const needed = (index >= first && index < last) || row.contains(document.activeElement);
			if (!needed) {
				row.remove();
				this.#rows.delete(index);
			}
		}
		for (let index = first; index < last; index += 1) {
			if (!this.#rows.has(index)) this.#add(index);
		}
	}

	// In the order of the list, for whoever reads the page instead of looking at it.
	/** @param {number} index */
	#add(index) {
		const row = personRow(this.#people[index], index);
		const after = [...this.#lines.children].find((each) => Number(each.getAttribute("aria-rowindex")) > index + 2);
		this.#lines.insertBefore(row, after ?? null);
		this.#rows.set(index, row);
	}
}

customElements.define("people-table", PeopleTable);

/** @param {Person[]} people */
export function peopleTable(people) {
	return h("people-table", { ".people": people, vars: { people: people.length } });
}

/**
 * @param {Person} person
 * @param {number} index
 */
function personRow(person, index) {
	const name = nameOf(person);
	return h(
		"div.people-row",
		{ role: "row", "aria-rowindex": index + 2, vars: { index } },
		h("div.stack", { role: "cell" }, kindMark(person.kind), notApplied(person)),
		h("div.people-name", { role: "cell" }, h("strong", name), muted(person.userPrincipalName)),
		h("div.people-change", { role: "cell" }, changeText(person)),
		h("div", { role: "cell" }, button(t("people.details"), () => showPerson(person), { kind: "quiet", shape: "next", name: t("people.detailsOf", { name }) })),
	);
}

/** @param {Person} person */
function changeText(person) {
	if (person.obstacle) return h("span", { class: `ink of-${person.kind === "skip" ? "failed" : person.kind}` }, said(person.obstacle));
	if (person.action === "add" || !person.changes.length) return muted(said(person.reason));
	return person.changes.map(({ attribute, before, after }) =>
		h("span.people-attribute", muted(`${attributeText(attribute)} `), h("del", valueText(attribute, before)), " → ", h("ins", valueText(attribute, after))),
	);
}
