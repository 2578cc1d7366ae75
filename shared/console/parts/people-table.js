// <people-table>: the people of a run. Only the rows in sight are in the document, so ten thousand scroll as ten do.
// A row is as high as what is in it: heights are measured as rows come into sight, and guessed until then.

import { h } from "../dom.js";
import { idOf, keyOf, nameOf } from "../people.js";
import { address } from "../router.js";
import { attributeText, said, t } from "../texts.js";
import { notApplied, showPerson, valueText } from "./person.js";
import { addressText, button, kindMark, muted } from "./marks.js";

const SPARE_ROWS = 6;
const LIKELY_HEIGHT = 64;
const CHANGES_SHOWN = 2;

/** @typedef {{ ids: Set<string>, changed: () => void }} Selection */

class PeopleTable extends HTMLElement {
	/** Whose sync the run is. */
	domain = "";
	/** @type {Person[]} */
	#people = [];
	/** @type {Selection | null} */
	#selection = null;
	/** @type {Map<number, HTMLElement>} */
	#rows = new Map();
	/** @type {WeakSet<Person>} */
	#open = new WeakSet();
	/** @type {number[]} */
	#heights = [];
	/** Where each row begins; the last one is where the list ends. */
	#tops = [0];
	#table = h("div.people", { role: "table" });
	#lines = h("div.people-lines");
	#body = h("div.people-body", { tabindex: "0", role: "rowgroup" }, this.#lines);
	#head = h("div.people-row.people-head", { role: "row" });
	#pending = 0;
	#language = "";
	#resized = new ResizeObserver(() => this.#soon());

	/** @param {Person[]} people */
	set people(people) {
		const language = document.documentElement.lang;
		if (people === this.#people && language === this.#language) return;
		this.#people = people;
		this.#language = language;
		this.#heights = people.map(() => LIKELY_HEIGHT);
		this.#forget();
		this.#body.scrollTop = 0;
		if (this.isConnected) this.#draw();
	}

	/** @param {Selection | null} selection whom the reader has chosen, where they can */
	set selection(selection) {
		if (!selection !== !this.#selection) this.#forget();
		this.#selection = selection;
		this.classList.toggle("selectable", selection !== null);
		if (this.isConnected) this.#draw();
	}

	connectedCallback() {
		if (!this.firstChild) {
			this.#table.append(h("div", { role: "rowgroup" }, this.#head), this.#body);
			this.append(this.#table);
		}
		this.#body.onscroll = () => this.#soon();
		this.#resized.observe(this.#body);
		this.#draw();
	}

	disconnectedCallback() {
		this.#resized.disconnect();
	}

	#soon() {
		this.#pending ||= requestAnimationFrame(() => this.#draw());
	}

	#forget() {
		this.#lines.replaceChildren();
		this.#rows.clear();
	}

	#draw() {
		cancelAnimationFrame(this.#pending);
		this.#pending = 0;
		this.#drawHead();
		this.#place();
		const { scrollTop, clientHeight } = this.#body;
		const first = Math.max(0, this.#rowAt(scrollTop) - SPARE_ROWS);
		const last = Math.min(this.#people.length, this.#rowAt(scrollTop + clientHeight) + 1 + SPARE_ROWS);
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
		for (const [index, row] of this.#rows) {
			const tick = row.querySelector("input");
			if (tick) tick.checked = this.#selection?.ids.has(idOf(this.#people[index])) ?? false;
		}
		this.#measure();
	}

	#drawHead() {
		this.#table.setAttribute("aria-rowcount", String(this.#people.length + 1));
		this.#table.setAttribute("aria-label", t("people.title"));
		this.#body.setAttribute("aria-label", t("people.title"));
		const heads = ["kind", "person", "change"].map((name) => h("div", { role: "columnheader" }, t(`people.${name}`)));
		const details = h("div", { role: "columnheader" }, h("span.hidden", t("people.details")));
		if (this.#head.children.length !== (this.#selection ? 5 : 4) || this.#head.dataset.language !== this.#language) {
			this.#head.dataset.language = this.#language;
			this.#head.replaceChildren(...(this.#selection ? [h("div", { role: "columnheader" }, tick(t("people.selectAll"), (on) => this.#selectAll(on)))] : []), ...heads, details);
		}
		const all = this.#head.querySelector("input");
		if (!all) return;
		const chosen = this.#people.filter((person) => this.#selection?.ids.has(idOf(person))).length;
		all.checked = chosen > 0 && chosen === this.#people.length;
		all.indeterminate = chosen > 0 && chosen < this.#people.length;
	}

	/** @param {boolean} on */
	#selectAll(on) {
		for (const person of this.#people) this.#choose(person, on);
		this.#selection?.changed();
		this.#draw();
	}

	/**
	 * @param {Person} person
	 * @param {boolean} on
	 */
	#choose(person, on) {
		if (on) this.#selection?.ids.add(idOf(person));
		else this.#selection?.ids.delete(idOf(person));
	}

	/** Every row where it belongs, by the heights as they are known. */
	#place() {
		this.#tops = [0];
		for (const height of this.#heights) this.#tops.push(this.#tops[this.#tops.length - 1] + height);
		this.#lines.style.setProperty("--all-rows", `${this.#tops[this.#people.length]}px`);
		for (const [index, row] of this.#rows) row.style.setProperty("--top", `${this.#tops[index]}px`);
	}

	/**
	 * The row at that height of the list.
	 * @param {number} height
	 */
	#rowAt(height) {
		let low = 0;
		let high = Math.max(0, this.#people.length - 1);
		while (low < high) {
			const middle = Math.ceil((low + high) / 2);
			if (this.#tops[middle] <= height) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	/** Takes over the heights of the rows in sight; what is read stays where it is. */
	#measure() {
		const top = this.#rowAt(this.#body.scrollTop);
		let moved = 0;
		let changed = false;
		for (const [index, row] of this.#rows) {
			const height = row.offsetHeight;
			if (!height || height === this.#heights[index]) continue;
			if (index < top) moved += height - this.#heights[index];
			this.#heights[index] = height;
			changed = true;
		}
		if (!changed) return;
		this.#place();
		if (moved) this.#body.scrollTop += moved;
		this.#soon();
	}

	// In the order of the list, for whoever reads the page instead of looking at it.
	/** @param {number} index */
	#add(index) {
		const row = this.#row(index);
		const after = [...this.#lines.children].find((each) => Number(each.getAttribute("aria-rowindex")) > index + 2);
		this.#lines.insertBefore(row, after ?? null);
		this.#rows.set(index, row);
	}

	/** @param {number} index */
	#row(index) {
		const person = this.#people[index];
		const name = nameOf(person);
		/** @param {boolean} on */
		const choose = (on) => {
			this.#choose(person, on);
			this.#selection?.changed();
			this.#draw();
		};
		return h(
			"div.people-row",
			{ role: "row", "aria-rowindex": index + 2, vars: { top: `${this.#tops[index]}px` } },
			this.#selection && h("div.people-tick", { role: "cell" }, tick(t("people.select", { name }), choose)),
			h("div.people-kind.stack", { role: "cell" }, kindMark(person.kind), notApplied(person)),
			h("div.people-name", { role: "cell" }, h("a", { href: address(["people", keyOf(person)], { domain: this.domain }) }, name), muted(addressText(person.userPrincipalName))),
			h("div.people-change", { role: "cell" }, this.#changes(person, index)),
			h("div.people-details", { role: "cell" }, button(t("people.details"), () => showPerson(person), { kind: "quiet", shape: "next", name: t("people.detailsOf", { name }) })),
		);
	}

	/**
	 * @param {Person} person
	 * @param {number} index
	 */
	#changes(person, index) {
		if (person.obstacle) return h("span", { class: `ink of-${person.kind === "skip" ? "failed" : person.kind}` }, said(person.obstacle));
		if (person.action === "add" || !person.changes.length) return muted(said(person.reason));
		const shown = this.#open.has(person) ? person.changes : person.changes.slice(0, CHANGES_SHOWN);
		const more = person.changes.length - shown.length;
		const open = () => {
			this.#open.add(person);
			const fresh = this.#row(index);
			this.#rows.get(index)?.replaceWith(fresh);
			this.#rows.set(index, fresh);
			fresh.querySelector("button")?.focus();
			this.#draw();
		};
		return [
			shown.map(({ attribute, before, after }) =>
				h("span.people-attribute", muted(`${attributeText(attribute)} `), h("del", addressText(valueText(attribute, before))), " → ", h("ins", addressText(valueText(attribute, after)))),
			),
			more > 0 && button(t("people.moreChanges", { n: more }), open, { kind: "link", name: t("people.moreChangesOf", { n: more, name: nameOf(person) }) }),
		];
	}
}

customElements.define("people-table", PeopleTable);

/**
 * @param {string} domain
 * @param {Person[]} people
 * @param {Selection | null} [selection]
 */
export function peopleTable(domain, people, selection = null) {
	return h("people-table", { ".domain": domain, ".people": people, ".selection": selection });
}

/**
 * @param {string} label
 * @param {(on: boolean) => void} choose
 */
function tick(label, choose) {
	/** @param {Event & { target: HTMLInputElement }} event */
	const onchange = (event) => {
		event.stopPropagation();
		choose(event.target.checked);
	};
	return h("input", { type: "checkbox", "aria-label": label, onchange });
}
