// Asks for the function key, once per tab; it is kept in session storage and nowhere else.

import { functionKey } from "../api.js";
import { h } from "../dom.js";
import { dialogBody } from "../parts/dialog.js";
import { button, note } from "../parts/marks.js";
import { t } from "../texts.js";

/** @param {{ refused: boolean, close: () => void, done: () => void }} asked */
export function keyDialog({ refused, close, done }) {
	/** @param {FormData} form */
	const save = (form) => {
		const key = String(form.get("key")).trim();
		if (!key) return;
		functionKey.set(key);
		done();
	};
	return dialogBody({
		title: t("key.title"),
		close,
		onsubmit: save,
		body: [
			refused && note("danger", t("key.refused")),
			h("p", t("key.explained")),
			h("div.field", h("label", { for: "function-key" }, t("key.label")), h("input", { id: "function-key", name: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true })),
			h("p.muted", t("key.kept")),
		],
		buttons: [button(t("key.use"), null, { kind: "primary", type: "submit" })],
	});
}
