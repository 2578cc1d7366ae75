// Several domains at once: dry-run all of them, enable those with a clean dry run.

import { changeDomain, orProblem, startDryRun } from "../api.js";
import { h } from "../dom.js";
import { t } from "../texts.js";
import { isClean } from "../triage.js";
import { askFirst } from "./dialog.js";
import { button, isActive, note } from "./marks.js";
import { problemText } from "./problem.js";

const AT_ONCE = 4;

/**
 * What can be done with all that are ticked.
 * @param {Judged[]} chosen
 * @param {Context<DomainsData>} context
 */
export function together(chosen, context) {
	const { act, busy, data, draw, refresh } = context;
	const free = chosen.filter(({ domain }) => !isActive(domain.activeRun) && !domain.removed).map(({ domain }) => domain.name);
	const clean = chosen.filter(isClean).map(({ domain }) => domain.name);
	/**
	 * @param {string[]} names
	 * @param {string} text
	 * @param {(name: string) => Promise<unknown>} deed
	 */
	const each = (names, text, deed) =>
		act("together", async () => {
			const refused = (await inTurns(names, deed)).filter(({ problem }) => problem);
			data.done = { text: t(text, { n: names.length - refused.length }), refused };
			data.chosen = new Set(refused.map(({ name }) => name));
			data.at = 0;
			await refresh();
		});
	const enable = () =>
		askFirst({
			title: t("triage.enableAll", { n: clean.length }),
			body: [h("p", t("periodical.enabling")), h("ul", clean.map((name) => h("li", name))), clean.length < chosen.length && note("plain", t("triage.notClean", { n: chosen.length - clean.length }))],
			stay: t("dialog.cancel"),
			go: t("triage.step.enable"),
			kind: "primary",
			deed: () => each(clean, "triage.enabled", (name) => changeDomain(name, { periodicSync: true }, null)),
		});
	const clear = () => {
		data.chosen.clear();
		draw();
	};
	const disabled = busy("together");
	return h(
		"div.surface.together",
		h("strong", { role: "status" }, t("triage.chosen", { n: chosen.length })),
		button(t("triage.dryRunAll", { n: free.length }), () => each(free, "triage.started", startDryRun), { kind: "primary", needs: "Operator", disabled: disabled || !free.length }),
		button(t("triage.enableAll", { n: clean.length }), enable, { needs: "Administrator", disabled: disabled || !clean.length }),
		button(t("triage.clear"), clear, { kind: "link" }),
	);
}

/**
 * A few at once; what one refuses does not keep the others.
 * @param {string[]} names
 * @param {(name: string) => Promise<unknown>} deed
 */
async function inTurns(names, deed) {
	/** @type {Done["refused"]} */
	const ended = [];
	const waiting = [...names];
	const turn = async () => {
		for (let name = waiting.shift(); name; name = waiting.shift()) ended.push({ name, problem: (await orProblem(deed(name)))[1] });
	};
	await Promise.all(Array.from({ length: AT_ONCE }, turn));
	return ended;
}

/**
 * What was done, and what was refused and why.
 * @param {Done} done
 */
export function doneWith({ text, refused }) {
	return note(refused.length ? "warning" : "good", h("p", { role: "status" }, text), refused.length > 0 && h("ul", refused.map(({ name, problem }) => h("li", h("strong", name), ": ", problem && problemText(problem).slice(0, 2).map((one) => [one, " "])))));
}
