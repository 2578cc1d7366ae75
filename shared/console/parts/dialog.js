// Dialogs: the browser's own, so that focus stays inside and returns where it was.

import { Problem } from "../api.js";
import { h } from "../dom.js";
import { t } from "../texts.js";
import { button, icon } from "./marks.js";
import { problemNote } from "./problem.js";

/**
 * What is in a dialog: a title with ×, a body, and buttons. `onsubmit` makes it a form; `onchange` hears of each choice.
 * @param {{ title: string, close: (() => void) | null, body: Child, buttons: Child, onsubmit?: ((given: FormData, form: HTMLFormElement) => unknown) | null, onchange?: ((form: FormData) => unknown) | null }} dialog
 */
export function dialogBody({ title, close, body, buttons, onsubmit = null, onchange = null }) {
	/** @param {SubmitEvent} event */
	const submit = (event) => {
		event.preventDefault();
		const form = /** @type {HTMLFormElement} */ (event.target);
		onsubmit?.(new FormData(form), form);
	};
	/** @param {Event & { currentTarget: HTMLFormElement }} event */
	const changed = (event) => onchange?.(new FormData(event.currentTarget));
	return h(
		"form.dialog",
		{ novalidate: true, onsubmit: submit, onchange: changed },
		h(
			"header.dialog-head",
			h("h2.dialog-title", { tabindex: "-1", autofocus: true }, title),
			close && h("button.button.quiet.icon-only", { type: "button", "aria-label": t("dialog.close"), onclick: close }, icon("close")),
		),
		h("div.dialog-body", body),
		h("footer.dialog-buttons", buttons),
	);
}

/**
 * What the inputs of a form can't be sent with, by the browser's own check.
 * @param {HTMLFormElement} form
 * @returns {FieldError[]}
 */
export function mistakes(form) {
	/** @type {FieldError[]} */
	const found = [];
	for (const input of form.querySelectorAll("input")) {
		const code = mistake(input);
		const limit = Number(code === "field.atMost" ? input.max : input.min);
		if (code) found.push({ field: input.name.replace(/-(count|days)$/, ""), parts: [{ code, parameters: { limit } }] });
	}
	return found;
}

/** @param {HTMLInputElement} input */
function mistake({ validity }) {
	if (validity.badInput || validity.stepMismatch) return "field.wholeNumber";
	if (validity.valueMissing) return "field.required";
	if (validity.rangeUnderflow) return "field.atLeast";
	return validity.rangeOverflow ? "field.atMost" : null;
}

/**
 * Changes the version that is shown; where that is not the current one any more, shows the current one before it says so.
 * @param {() => Promise<void>} deed
 * @param {() => Promise<void>} refresh
 */
export async function onThisVersion(deed, refresh) {
	try {
		await deed();
	} catch (error) {
		if (error instanceof Problem && error.status === 412) await refresh();
		throw error;
	}
}

/**
 * Asks before something is done, and stays open until it has been; `after` that, the focus may go elsewhere.
 * @param {{ title: string, body: Child, stay: string, go: string, kind: string, deed: (given: FormData) => Promise<Obstacle | null>, after?: () => void }} question
 */
export function askFirst({ title, body, stay, go, kind, deed, after = () => {} }) {
	const refusal = h("div.problems");
	showOnce((close) =>
		dialogBody({
			title,
			close,
			onsubmit: async (given) => {
				const obstacle = await deed(given);
				if (obstacle) return refusal.replaceChildren(problemNote(obstacle));
				close();
				after();
			},
			body: [refusal, body],
			buttons: [button(stay, close), button(go, null, { kind, type: "submit" })],
		}),
	);
}

/**
 * A dialog that is nothing but a closer look: it has no address and is gone when closed.
 * @param {(close: () => void) => Element} content
 * @param {() => void} [closed]
 */
export function showOnce(content, closed) {
	const gone = () => {
		dialog.remove();
		closed?.();
	};
	/** @type {HTMLDialogElement} */
	const dialog = h("dialog.modal", { onclose: gone });
	dialog.append(content(() => dialog.close()));
	dialog.setAttribute("aria-label", dialog.querySelector(".dialog-title")?.textContent ?? "");
	document.body.append(dialog);
	dialog.showModal();
}
