// Dialogs: the browser's own, so that focus stays inside and returns where it was.

import { h } from "../dom.js";
import { t } from "../texts.js";
import { icon } from "./marks.js";

/** What is in a dialog: a title with ×, a body, and buttons. `onsubmit` makes it a form. */
export function dialogBody({ title, close, body, buttons, onsubmit = null }) {
  const submit = (event) => {
    event.preventDefault();
    onsubmit?.(new FormData(event.target));
  };
  return h(
    "form",
    { class: "dialog", novalidate: true, onsubmit: submit },
    h(
      "header",
      { class: "dialog-head" },
      h("h2", { class: "dialog-title", tabindex: "-1", autofocus: true }, title),
      close && h("button", { type: "button", class: "button quiet icon-only", "aria-label": t("dialog.close"), onclick: close }, icon("close")),
    ),
    h("div", { class: "dialog-body" }, body),
    h("footer", { class: "dialog-buttons" }, buttons),
  );
}

/** A dialog that is nothing but a closer look: it has no address and is gone when closed. */
export function showOnce(content) {
  const dialog = h("dialog", { class: "modal", onclose: () => dialog.remove() });
  dialog.append(content(() => dialog.close()));
  dialog.setAttribute("aria-label", dialog.querySelector(".dialog-title").textContent);
  document.body.append(dialog);
  dialog.showModal();
}
