// How many people a run concerns, as one stacked bar, as filters, and in short.

import { KINDS } from "../audit-log.js";
import { h } from "../dom.js";
import { number, t } from "../texts.js";
import { icon } from "./marks.js";

/** The counts of a run by kind, as its audit log divides the people. */
export function kindsOf(counts) {
  return { ...counts, skip: counts.skipped };
}

/** One bar: every person concerned, by kind. */
export function countsBar(counts) {
  const kinds = KINDS.filter((kind) => counts[kind]);
  const label = kinds.map((kind) => `${t(`kind.${kind}`)} ${number(counts[kind])}`).join(", ");
  const parts = kinds.map((kind) => h("span", { class: `bar-part fill-${kind}`, vars: { share: counts[kind] }, "data-key": kind }));
  return h("div", { class: "bar", role: "img", "aria-label": label || t("counts.none") }, parts);
}

/** The numbers under the bar: with `choose` each is a filter. */
export function countsLegend(counts, chosen = "", choose = null) {
  const all = KINDS.reduce((sum, kind) => sum + counts[kind], 0);
  const entries = [["", all], ...KINDS.map((kind) => [kind, counts[kind]])].filter(([kind, n]) => n || kind === chosen || kind === "");
  return h(
    "div",
    { class: "legend", role: choose ? "group" : null, "aria-label": choose ? t("people.filter") : null },
    entries.filter(([kind]) => choose || kind).map(([kind, n]) => legendEntry(kind, n, chosen, choose)),
  );
}

function legendEntry(kind, n, chosen, choose) {
  const text = [
    kind && h("span", { class: `swatch fill-${kind}` }, icon(kind === "failed" ? "completedWithErrors" : kind)),
    h("span", { class: "legend-name" }, kind ? t(`kind.${kind}`) : t("people.all")),
    h("span", { class: "number" }, number(n)),
  ];
  if (!choose) return h("span", { class: "legend-entry", "data-key": kind }, text);
  const pressed = kind === chosen;
  return h(
    "button",
    { type: "button", class: "legend-entry chip", "aria-pressed": String(pressed), "data-key": kind || "all", onclick: () => choose(pressed ? "" : kind) },
    text,
  );
}

/** "+3 ~5 −3" for a row of a list. */
export function countsShort(counts) {
  const kinds = KINDS.filter((kind) => counts[kind] && kind !== "skip");
  if (!kinds.length) return h("span", { class: "muted" }, t("counts.none"));
  return h(
    "span",
    { class: "counts" },
    kinds.map((kind) =>
      h(
        "span",
        { class: `count ink-${kind}`, title: `${t(`kind.${kind}`)}: ${number(counts[kind])}` },
        icon(kind === "failed" ? "completedWithErrors" : kind),
        h("span", { class: "hidden" }, t(`kind.${kind}`)),
        h("span", { class: "number" }, number(counts[kind])),
      ),
    ),
  );
}
