// Sentences from codes and parameters, as `shared/words/__init__.py` makes them for audit logs.

import { h } from "./dom.js";

const PLACE = /\{(\w+)(!?)(?::([^}]*))?\}/g;
// Parameters whose texts are names with words of their own: a `surname` is `attribute.surname`.
/** @type {Record<string, string>} */
const NAMED = { attribute: "attribute", attributes: "attribute", action: "action", kinds: "action", by: "author" };

/** One language's sentences. */
export class Words {
	#sentences;
	#between;
	#foreign;
	#number;

	/**
	 * @param {Record<string, string>} sentences by code
	 * @param {{ between: string, foreign: boolean, number: (value: number) => string }} language `foreign`: other than
	 * English, so that English from elsewhere is marked
	 */
	constructor(sentences, { between, foreign, number }) {
		this.#sentences = sentences;
		this.#between = between;
		this.#foreign = foreign;
		this.#number = number;
	}

	/**
	 * The word of that name, if there is one.
	 * @param {string} name
	 * @returns {string | undefined}
	 */
	word(name) {
		return this.#sentences[name];
	}

	/**
	 * @param {Api.Part[]} parts
	 * @returns {(string | HTMLElement)[]}
	 */
	said(parts) {
		return parts.flatMap((part, n) => [n ? this.#between : "", ...this.#sentence(part)]);
	}

	/**
	 * @param {Api.Part} part
	 * @returns {(string | HTMLElement)[]}
	 */
	#sentence({ code, parameters }) {
		// A later version may have stored a code that this one does not know.
		const sentence = this.#sentences[code] ?? code;
		const said = [];
		let end = 0;
		for (const place of sentence.matchAll(PLACE)) {
			said.push(sentence.slice(end, place.index), ...this.#filled(place, parameters));
			end = place.index + place[0].length;
		}
		return [...said, sentence.slice(end)];
	}

	/**
	 * @param {RegExpMatchArray} place
	 * @param {Api.Part["parameters"]} parameters
	 * @returns {(string | HTMLElement)[]}
	 */
	#filled([whole, name, foreign, between = " "], parameters) {
		const parameter = name[0].toLowerCase() + name.slice(1);
		const value = parameters[parameter] ?? whole;
		const items = Array.isArray(value) ? value : [value];
		const said = items.flatMap((item, n) => [n ? between : "", ...this.#item(item, parameter)]);
		if (foreign && this.#foreign) return [h("span", { lang: "en" }, said)];
		const [first, ...rest] = said.filter((each) => each !== "");
		return parameter === name || typeof first !== "string" ? said : [first[0].toUpperCase() + first.slice(1), ...rest];
	}

	/**
	 * @param {string | number | Api.Part} item
	 * @param {string} parameter
	 * @returns {(string | HTMLElement)[]}
	 */
	#item(item, parameter) {
		if (typeof item === "object") return this.#sentence(item);
		if (typeof item === "number") return [this.#number(item)];
		return [(parameter in NAMED && this.#sentences[`${NAMED[parameter]}.${item}`]) || item];
	}
}
