// What went wrong and what to do, above a page and at a field.

import { KeyNeeded, Problem } from "../api.js";
import { h } from "../dom.js";
import { said, t } from "../texts.js";
import { button, icon, note } from "./marks.js";

const TITLED = [0, 202, 400, 403, 404, 409, 410, 412, 500, 502, 503];
// A missing permission, a wrong setting or a bad file: trying again does not mend it, and the sentence says what does.
const SAYS_WHAT_TO_DO = /^(graph\.(denied|refusedDenied|noToken)|caller\.(denied|unauthorized)|hennge\.notAuthorised|http\.storageForbidden|settings\.(bad|unreadable)|source\.|decisions\.|run\.(otherSettings|needsDryRun))/;

/**
 * What went wrong and what to do; `steps` are buttons.
 * @param {Obstacle} problem
 * @param {Child} [steps]
 */
export function problemNote(problem, steps = null) {
	const [title, ...told] = problem instanceof Problem ? problemText(problem) : [t(problem instanceof KeyNeeded ? "key.needed" : "signIn.title"), t(problem instanceof KeyNeeded ? "key.explained" : "signIn.explained")];
	const underWay = problem instanceof Problem && problem.underWay;
	if (underWay) return h("div.problem", { role: "status" }, note("plain", icon("running"), said(problem.parts)));
	const waits = problem instanceof Problem && problem.status === 202;
	return h("div.problem", { role: "alert" }, note(waits ? "plain" : "danger", h("strong", title), told.map((each) => each && h("p", each)), steps && h("div.actions", steps)));
}

/**
 * @param {Problem} problem
 * @returns {Child[]}
 */
export function problemText({ status, parts, ofPlatform, errors }) {
	const title = TITLED.includes(status) ? t(`problem.${status}`) : t("problem.title", { status: String(status) });
	if (ofPlatform) return [title, t(status === 403 || status === 404 ? `platform.${status}` : status >= 500 ? "platform.5xx" : "platform.other")];
	if (errors.length) return [title, said(errors.every(isPlaced) ? [] : parts), t("advice.fields")];
	// The form shows what has changed.
	if (parts.some(({ code }) => /^settings\.(tenantC|c)hangedMeanwhile$/.test(code))) return [title, t("advice.412")];
	return [title, said(parts), advice(status, parts)];
}

/**
 * Whether a field shows it.
 * @param {FieldError} error
 */
const isPlaced = ({ field }) => document.querySelector(`[data-field="${fieldName(field)}"]`) !== null;

/**
 * "settings.maxAdds.percent" is about the field maxAdds.
 * @param {string} path
 */
const fieldName = (path) => path.replace(/^settings\./, "").split(".")[0];

/**
 * The attributes of an input, and the sentence under it: what is wrong with it, if something is.
 * @param {string} name
 * @param {string} id
 * @param {FieldError[]} wrong
 */
export function wrongWith(name, id, wrong) {
	const here = wrong.filter(({ field }) => fieldName(field) === name);
	const described = [`${id}-help`, here.length > 0 && `${id}-wrong`].filter(Boolean).join(" ");
	return {
		marked: { "aria-invalid": here.length ? "true" : null, "aria-describedby": described },
		sentence: here.length > 0 && h("p.wrong", { id: `${id}-wrong` }, icon("failed"), h("span", here.map(({ parts }) => said(parts)))),
	};
}

/** @param {Api.Part[]} parts */
const saysWhatToDo = (parts) => parts.some(({ code }) => SAYS_WHAT_TO_DO.test(code));

/**
 * The button that looks again.
 * @param {Obstacle} problem
 * @param {() => unknown} look
 */
export const againButton = (problem, look) => button(t(problem instanceof Problem && saysWhatToDo(problem.parts) ? "problem.reload" : "problem.again"), look);

/**
 * What a look has found, or why it was refused with the button that looks again: the rest of the page stays.
 * @template T
 * @param {[T, null] | [null, Problem]} look
 * @param {() => unknown} again
 * @param {(found: T) => Child} show
 */
export const foundOr = ([found, problem], again, show) => (problem ? problemNote(problem, againButton(problem, again)) : show(/** @type {T} */ (found)));

/**
 * @param {number} status
 * @param {Api.Part[]} parts
 */
function advice(status, parts) {
	if (saysWhatToDo(parts)) return null;
	if ([0, 202, 403, 404, 409, 410].includes(status)) return t(`advice.${status}`);
	return t(status >= 500 ? "advice.5xx" : "advice.4xx");
}
