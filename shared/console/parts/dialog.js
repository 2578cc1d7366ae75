// Dialogs: the browser's own, so that focus stays inside and returns where it was.

import { h } from "../dom.js";
import { t } from "../texts.js";
import { icon } from "./marks.js";

/**
 * What is in a dialog: a title with ×, a body, and buttons. `onsubmit` makes it a form; `onchange` hears of each choice.
 * @param {{ title: string, close: (() => void) | null, body: Child, buttons: Child, onsubmit?: ((form: FormData) => unknown) | null, onchange?: ((form: FormData) => unknown) | null }} dialog
 */
export function dialogBody({ title, close, body, buttons, onsubmit = null, onchange = null }) {
	/** @param {SubmitEvent} event */
	const submit = (event) => {
		event.preventDefault();
		onsubmit?.(new FormData(/** @type {HTMLFormElement} */ (event.target)));
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
 * A dialog that is nothing but a closer look: it has no address and is gone when closed.
 * @param {(close: () => void) => Element} content
 */
export function showOnce(content) {
	/** @type {HTMLDialogElement} */
	const dialog = h("dialog.modal", { onclose: () => dialog.remove() });
	dialog.append(content(() => dialog.close()));
	dialog.setAttribute("aria-label", dialog.querySelector(".dialog-title")?.textContent ?? "");
	document.body.append(dialog);
	dialog.showModal();
}
