// One run: live while it runs, then its result and the people concerned.

import { features, getRun, listDecisions, may, Problem } from "../api.js";
import { h } from "../dom.js";
import { countsBar, countsLegend, kindsOf } from "../parts/counts.js";
import { downloadButton, logFacts } from "../parts/download.js";
import { gauge } from "../parts/gauge.js";
import { addressText, button, changedSomething, empty, furtherWarnings, icon, isActive, kindMark, modeText, muted, note, pace, searchBox, seconds, statusMark, table, when, who } from "../parts/marks.js";
import { outcomeNote } from "../parts/outcome.js";
import { peopleTable } from "../parts/people-table.js";
import { cancelButton, progressBar, progressText } from "../parts/progress.js";
import { address, change, domainAddress, openDialog, runAddress } from "../router.js";
import { whoIsWho } from "../parts/who-is-who.js";
import { authorText, duration, inPercent, number, said, t } from "../texts.js";
import { KINDS, keyOf, matching, nameOf, peopleOf, tally } from "../people.js";
import { breadcrumb } from "./domain-header.js";

const FAILURES_SHOWN = 5;
/** As many take a request. */
const MOST_CHOSEN = 200;
/** What a sync does, in the order in which a reader wants to know. */
const DEEDS = ["delete", "block", "unblock", "rename", "update", "restore", "add"];
const NEITHER = /** @type {[null, null]} */ ([null, null]);

/** @type {View<{ run: Api.Run, features: Features, people: Person[] | null, more: boolean, unreadable: Api.Part[] | null, decisions: Api.DecisionList | null, undecidable: Api.Part[] | null }>} */
export default {
	title: ({ params, data }) => (data ? [percent(data.run), t("run.of", { mode: modeText(data.run), domain: params.domain })].join("") : params.domain),

	place: ({ domain, runId }) => `${domain} ${runId}`,

	async load({ params, signal }) {
		const [run, able] = await Promise.all([getRun(params.domain, params.runId, signal), features()]);
		const readable = !isActive(run) && run.auditLog.available;
		const asks = able.decisions && may("Operator") && !isActive(run) && !run.undoes;
		const [[found, unreadable], [decisions, undecidable]] = await Promise.all([
			readable ? orWhyNot(peopleOf(run, signal)) : NEITHER,
			asks ? orWhyNot(listDecisions(run.domain, signal)) : NEITHER,
		]);
		return { run, features: able, people: found?.people ?? null, more: found?.more ?? false, unreadable, decisions, undecidable };
	},

	pollAfter: ({ data }) => pace(data.run),

	render(context) {
		const { run } = context.data;
		return h(
			"div",
			head(run, context),
			isActive(run) ? running(run, context) : result(run, context),
			questions(run, context),
			!isActive(run) && people(run, context),
			!isActive(run) && applying(run, context),
		);
	},
};

/**
 * What is read, or why it can't be shown: the run itself is worth showing without it.
 * @template Read
 * @param {Promise<Read>} reading
 * @returns {Promise<[Read, null] | [null, Api.Part[]]>}
 */
async function orWhyNot(reading) {
	try {
		return [await reading, null];
	} catch (error) {
		if (error instanceof Problem && error.parts.length) return [null, error.parts];
		throw error;
	}
}

/**
 * How far it is, before the name of the tab.
 * @param {Api.Run} run
 */
function percent(run) {
	const { done, total } = run.progress;
	return isActive(run) && total ? `${inPercent(done / total)} · ` : "";
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function head(run, context) {
	const took = seconds(run);
	return h(
		"header",
		breadcrumb(h("a", { href: domainAddress(run.domain) }, run.domain), modeText(run)),
		h(
			"div.page-head",
			h(
				"div",
				h("h1", { tabindex: "-1" }, t("run.of", { mode: modeText(run), domain: run.domain })),
				h("p.muted.lead", statusMark(run), " · ", when(run.createdAt), " · ", t("run.by", { who: who(run) }), took !== null && ` · ${duration(took)}`),
			),
			h("div.actions", isActive(run) ? null : actions(run, context)),
		),
	);
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function actions(run, { data }) {
	return [
		run.mode === "dryRun" && !run.undoes && button(t("dryRun.again"), () => openDialog("dry-run", run.domain), { needs: "Operator" }),
		data.features.undo && run.mode === "sync" && changedSomething(run) && button(t("undo.title"), () => openDialog("undo", run.domain, { of: run.id }), { shape: "restore", needs: "Administrator" }),
	];
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function running(run, context) {
	return h(
		"section.surface.active-run",
		progressBar(run),
		h("span.progress-line", h("span", progressText(run)), cancelButton(run, context)),
		run.mode === "sync" && run.progress.done > 0 && countsLegend(kindsOf(run.counts)),
	);
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function result(run, { data }) {
	const counts = kindsOf(run.counts);
	return h(
		"section.surface.result",
		h("h2.hidden", t("logs.result")),
		outcomeNote(run),
		run.approval && approved(run.approval, run),
		run.compared && asPlanned(run.compared),
		run.undoes && note("plain", h("a.link", { href: runAddress({ domain: run.domain, id: run.undoes }) }, t("run.undoes"))),
		furtherWarnings(run).map((each) => note("warning", said([each]))),
		h(
			"div.result-columns",
			h(
				"div",
				h("h3", t(run.mode === "dryRun" ? "run.wouldChange" : run.status === "cancelled" && !changedSomething(run) ? "run.notApplied" : "run.changed")),
				countsBar(data.people ? tally(data.people) : counts),
				!data.people && countsLegend(counts),
				run.deletionCheck && h("p.muted", t("run.both", { source: run.counts.source, target: run.counts.target, unchanged: run.counts.unchanged })),
				h("p.muted", identities(run)),
			),
			run.deletionCheck && gauge(run.deletionCheck, run.mode, run.limitChecks),
		),
	);
}

/**
 * Runs of the previous version approved deletions alone.
 * @param {Api.Approval} approval
 * @param {Api.Run} run
 */
function approved({ released, deletions, approvedBy, dryRunId, reason }, { domain }) {
	const kinds = Object.entries(deletions && !Object.keys(released).length ? { delete: deletions } : released);
	const what = kinds.map(([kind, n]) => t(`deed.${kind}`, { n })).join(t("counts.and"));
	const who = authorText(approvedBy);
	return note(
		"plain",
		what ? t("run.approved", { who, what }) : t("run.reviewed", { who }),
		" ",
		dryRunId && h("a.link", { href: runAddress({ domain, id: dryRunId }) }, t("run.approvedList")),
		reason && h("p", t("run.reason", { reason })),
	);
}

/**
 * What a sync did, against the dry run that was approved with it.
 * @param {Api.Compared} compared
 */
function asPlanned({ people: n, some }) {
	if (!n) return note("good", h("strong", t("planned.all")));
	const columns = [["person", t("people.person")], ["planned", t("planned.planned")], ["how", t("planned.how")]];
	const rows = some.map(({ how, displayName, userPrincipalName, planned, done }, index) => ({
		key: `${index} ${userPrincipalName}`,
		cells: {
			person: h("div.stack", h("strong", displayName || userPrincipalName), muted(addressText(userPrincipalName))),
			planned: planned ? kindMark(planned) : t("planned.nothing"),
			how: h("div.stack", t(`planned.${how}`), how !== "gone" && how !== "left" && done && kindMark(done)),
		},
	}));
	return [note("warning", h("strong", t("planned.differ", { n }))), h("div.flush.differences", table(t("planned.title"), columns, rows)), n > some.length && muted(t("planned.more", { n: n - some.length }))];
}

/**
 * How many pairs each rule made, and how many are in question.
 * @param {Api.Run} run
 */
function identities(run) {
	const rules = Object.entries(run.matches).map(([rule, n]) => [t(`rule.${rule}`), number(n)].join(" "));
	return [
		rules.length > 0 && t("run.matched", { rules: rules.join(t("counts.and")) }),
		run.questions > 0 && [" ", t("run.questions", { n: run.questions })],
		run.shielded > 0 && [" ", t("run.shielded", { n: run.shielded })],
	];
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function questions(run, context) {
	const { decisions, undecidable } = context.data;
	if (undecidable) return run.questions > 0 && note("warning", said(undecidable));
	return decisions && whoIsWho(decisions, run, context);
}

/** Whom the reader has chosen out of which run. */
const chosen = { run: "", ids: /** @type {Set<string>} */ (new Set()) };

/**
 * Whether this is the list that Sync Now goes by.
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
const isReviewed = (run, { data }) => run.mode === "dryRun" && run.kind === "whole" && run.status === "succeeded" && data.people !== null;

/**
 * Whom the reader has chosen out of this list, where they can.
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function selection(run, context) {
	if (!isReviewed(run, context)) return null;
	if (chosen.run !== run.id) Object.assign(chosen, { run: run.id, ids: new Set() });
	return { ids: chosen.ids, changed: context.draw };
}

/**
 * What applying the list would do, all or of the chosen people alone, and the way there.
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function applying(run, context) {
	if (!isReviewed(run, context)) return null;
	const n = chosen.run === run.id ? chosen.ids.size : 0;
	if (n) {
		const clear = () => {
			chosen.ids.clear();
			context.draw();
		};
		return h(
			"footer.apply-bar",
			h("strong", { role: "status" }, n > MOST_CHOSEN ? t("apply.tooMany", { n: MOST_CHOSEN }) : t("apply.chosen", { n })),
			h(
				"div.actions",
				button(t("apply.clear"), clear),
				button(t("syncNow.goOnly", { n }), () => openDialog("sync-now", run.domain, { only: JSON.stringify([...chosen.ids]) }), { kind: "primary", needs: "Administrator", disabled: n > MOST_CHOSEN }),
			),
		);
	}
	const counts = tally(context.data.people);
	const deeds = DEEDS.filter((kind) => counts[kind]).map((kind) => t(`deed.${kind}`, { n: counts[kind] }));
	return h(
		"footer.apply-bar",
		h("strong", deeds.length ? [t("apply.all"), deeds.map((deed, n) => [n ? t("counts.and") : " ", h("span", deed)])] : t("apply.nothing")),
		h("div.actions", button(t("apply.review"), () => openDialog("sync-now", run.domain), { kind: "primary", needs: "Administrator" })),
	);
}

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function people(run, context) {
	const { people: all, more, unreadable } = context.data;
	return [
		all && failures(all, run),
		h(
			"section.surface.flush.people-section",
			h(
				"div.section-head",
				h("div", h("h2", t("people.title")), run.auditLog.available && h("p.muted", logFacts(run), run.mode === "dryRun" && run.kind !== "watch" && [" · ", t("audit.overwritten")])),
				run.auditLog.available && downloadButton(run, context, ""),
			),
			unreadable && note("warning", said(unreadable)),
			more && note("plain", t("people.more", { n: all.length })),
			all ? (all.length ? list(all, run, context) : empty(t("people.none"))) : !unreadable && empty(t(run.auditLog.expiresAt ? "people.gone" : "people.noLog")),
		),
	];
}

/**
 * @param {Person[]} all
 * @param {Api.Run} run
 */
function failures(all, run) {
	const failed = all.filter((person) => person.kind === "failed");
	if (!failed.length) return null;
	const dry = run.mode === "dryRun" || failed.every(({ result }) => result === "notApplied");
	return h(
		"section.surface.failures",
		h("h2", icon("completedWithErrors"), t(dry ? "failures.foreseen" : "failures.happened", { n: failed.length })),
		h(
			"ul",
			failed.slice(0, FAILURES_SHOWN).map((person) =>
				h("li", { "data-key": person.objectId ?? person.sourceId }, h("a.link", { href: address(["people", keyOf(person)], { domain: run.domain }) }, nameOf(person)), " ", muted(addressText(person.userPrincipalName)), h("p", kindMark(person.action), " ", said(person.obstacle ?? []))),
			),
		),
		failed.length > FAILURES_SHOWN && button(t("failures.all", { n: failed.length }), () => change({ show: "failed" }), { kind: "link" }),
	);
}

/** @type {{ people: Person[] | null, kind: string, words: string, found: Person[] }} */
let filtered = { people: null, kind: "", words: "", found: [] };

/**
 * The same list for the same question: the table draws anew only when the list is another one.
 * @param {Person[]} people
 * @param {string} kind
 * @param {string} words
 */
function find(people, kind, words) {
	const same = filtered.people === people && filtered.kind === kind && filtered.words === words;
	if (!same) filtered = { people, kind, words, found: matching(people, kind, words) };
	return filtered.found;
}

/**
 * @param {Person[]} all
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
function list(all, run, context) {
	const { params } = context;
	const kind = KINDS.find((each) => each === params.show) ?? "";
	const found = find(all, kind, params.q ?? "");
	return h(
		"div",
		h(
			"div.filters",
			countsLegend(tally(all), kind, (chosen) => change({ show: chosen }, { replace: true })),
			searchBox(t("people.search"), params.q, t("people.shown", { n: found.length })),
		),
		found.length ? peopleTable(run.domain, found, selection(run, context)) : empty(t("people.noMatch")),
	);
}
