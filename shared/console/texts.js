// What the page says, in the reader's language; numbers and times by the reader's locale and time zone.

import { Words } from "./words.js";

/** @type {Record<string, string>} */
const BETWEEN_SENTENCES = { en: " ", ja: "" };
const MEMORY = "console.language";
/** @type {[Intl.RelativeTimeFormatUnitSingular, number][]} */
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
/** @type {[string, number][]} */
const UNITS_OF_SIZE = [["megabyte", 1e6], ["kilobyte", 1e3]];

let language = "en";
let locale = "en";
/** @type {Texts} */
let texts;
/** @type {Words} */
let words;
await useLanguage(localStorage.getItem(MEMORY) ?? navigator.languages.find(known) ?? "en");

/** @param {string} tag */
function known(tag) {
	return tag.split("-")[0] in BETWEEN_SENTENCES;
}

/** @param {string} tag */
async function useLanguage(tag) {
	const wanted = known(tag) ? tag.split("-")[0] : "en";
	// Only the reader's language is loaded.
	const file = await import(`./language.${wanted}.js`);
	language = wanted;
	texts = file.default;
	words = new Words(file.words, { between: BETWEEN_SENTENCES[language], foreign: language !== "en", number });
	// "en-GB" says more about dates than "en" does.
	locale = navigator.languages.find((each) => each.split("-")[0] === language) ?? language;
	document.documentElement.lang = language;
}

export const currentLanguage = () => language;

/** @param {string} tag */
export async function switchLanguage(tag) {
	localStorage.setItem(MEMORY, tag);
	await useLanguage(tag);
}

/** @param {string} name */
function find(name) {
	const [group, ...rest] = name.split(".");
	return texts[group]?.[rest.join(".")];
}

/**
 * The text of that name, `{n}` and the like filled in; one that has a plural is chosen by `values.n`.
 * @param {string} name
 * @param {Record<string, any>} [values]
 */
export function t(name, values = {}) {
	let text = find(name);
	if (text === undefined) throw new Error(`there is no text ${name}`);
	if (typeof text === "object") text = text[new Intl.PluralRules(locale).select(values.n)] ?? text.other;
	return text.replace(/\{(\w+)\}/g, (_, key) => {
		const value = values[key];
		return typeof value === "number" ? number(value) : String(value);
	});
}

/**
 * What the app says, in the reader's language; English from elsewhere is marked as such.
 * @param {Api.Part[]} parts
 */
export const said = (parts) => words.said(parts);

/**
 * The word for one of Entra's attributes.
 * @param {string} name
 */
export function attributeText(name) {
	const word = words.word(`attribute.${name}`) ?? name;
	return word[0].toUpperCase() + word.slice(1);
}

/**
 * Who asked for something: a name, or the word for those who have none.
 * @param {string} name
 */
export const authorText = (name) => words.word(`author.${name}`) ?? name;

/** @param {number} value */
export function number(value) {
	return new Intl.NumberFormat(locale, { maximumFractionDigits: 15 }).format(value);
}

/** @param {number} share from 0 to 1 */
export function inPercent(share) {
	return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

/** @param {number} value */
export function bytes(value) {
	const [unit, size] = UNITS_OF_SIZE.find(([, size]) => value >= size) ?? ["byte", 1];
	return inUnit(value / size, unit);
}

/**
 * @param {number} value
 * @param {string} unit
 */
function inUnit(value, unit) {
	return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(value);
}

/**
 * "1 min 5 sec": the two largest units.
 * @param {number} seconds
 */
export function duration(seconds) {
	if (seconds < 10) return inUnit(Math.max(0, seconds), "second");
	let left = Math.round(seconds);
	const parts = [];
	for (const [unit, size] of UNITS) {
		const amount = Math.floor(left / size);
		left -= amount * size;
		if (amount) parts.push(inUnit(amount, unit));
		if (parts.length === 2) break;
	}
	return parts.join(" ");
}

/**
 * "5 minutes ago", or "5 min ago" where there is little room.
 * @param {string} time
 * @param {Intl.RelativeTimeFormatStyle} style
 */
export function ago(time, style) {
	const seconds = (Date.parse(time) - Date.now()) / 1000;
	const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
	return new Intl.RelativeTimeFormat(locale, { numeric: "auto", style }).format(Math.trunc(seconds / size), unit);
}

/**
 * Date and time, the year only where it is another one.
 * @param {string} time
 */
export function moment(time) {
	const date = new Date(time);
	const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
	return new Intl.DateTimeFormat(locale, { year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(date);
}

/** @param {string} time */
export function clock(time) {
	return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(new Date(time));
}

/** @param {string} time */
export function utc(time) {
	return new Date(time).toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");
}
