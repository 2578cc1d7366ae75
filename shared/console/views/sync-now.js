// Sync Now: what the last dry run said, whom it deletes, all or one by one, and then the question.

import { features, getDomain, getRun, Problem, startSync } from "../api.js";
import { h } from "../dom.js";
import { countsBar, countsLegend, kindsOf } from "../parts/counts.js";
import { dialogBody } from "../parts/dialog.js";
import { gauge } from "../parts/gauge.js";
import { button, changedSomething, isActive, muted, note, pace, when } from "../parts/marks.js";
import { peopleTable } from "../parts/people-table.js";
import { approval, deletions, exceeded, MOST_NAMED, MOST_UNTYPED, named, verdictOf, willBeCancelled } from "../parts/release.js";
import { startedDialog } from "../parts/started.js";
import { idOf, isLeaving, nameOf, peopleOf, tally } from "../people.js";
import { change, closeDialog, openDialog, runAddress } from "../router.js";
import { number, said, t } from "../texts.js";

const OLD_AFTER = 3600_000;
const LONGEST_REASON = 500;

/** @type {View<{ run: Api.Run } | SyncNowData>} */
export default {
	title: ({ params }) => t("syncNow.of", { domain: params.on }),

	place: ({ on, run, only }) => `${on} ${run ?? ""} ${only ?? ""}`,

	// What was ticked and typed stays so when the data are read again.
	async load({ params, data, signal }) {
		if (params.run) return { run: await getRun(params.on, params.run, signal) };
		const [domain, able] = await Promise.all([getDomain(params.on, signal), features()]);
		const dryRun = domain.lastDryRun?.status === "succeeded" && !domain.lastDryRun.undoes ? domain.lastDryRun : null;
		const only = chosen(params.only);
		const people = await candidates(dryRun, only, signal);
		const before = data && "domain" in data && data.dryRun?.id === dryRun?.id ? data : null;
		const { approved, ticked, reason, typed, marked } = before ?? { approved: false, ticked: [], reason: "", typed: "", marked: new Set((people.deleted ?? []).map(idOf)) };
		return { domain, dryRun, features: able, only, approved, ticked, reason, typed, marked, ...people };
	},

	pollAfter: ({ data }) => pace(data.run),

	render(context) {
		const { params, data } = context;
		const title = t("syncNow.of", { domain: params.on });
		if (data.run) return startedDialog(title, data.run, context);
		/** @param {FormData} form */
		const onchange = (form) => {
			entered(form, data);
			context.draw();
		};
		/** @param {FormData} form */
		const onsubmit = (form) => {
			entered(form, data);
			start(data, context);
		};
		return dialogBody({ title, close: closeDialog, onsubmit, onchange, body: question(data, context), buttons: buttons(data, context) });
	},
};

/**
 * The chosen people's ids out of the address.
 * @param {string | undefined} only
 * @returns {string[]}
 */
function chosen(only) {
	try {
		return only ? JSON.parse(only).map(String) : [];
	} catch {
		return [];
	}
}

/**
 * The people whom the dry run lists, or those of them who are chosen; null where they are gone. `unlinked` were left,
 * since no sync ever knew them.
 * @param {Api.Run | null} dryRun
 * @param {string[]} only
 * @param {AbortSignal} signal
 * @returns {Promise<{ listed: Person[] | null, deleted: Person[] | null, unlinked: Person[], unreadable?: Api.Part[] }>}
 */
async function candidates(dryRun, only, signal) {
	if (!dryRun?.auditLog.available) return { listed: null, deleted: null, unlinked: [] };
	try {
		const { people } = await peopleOf(dryRun, signal);
		const listed = only.length ? people.filter((person) => [person.objectId, person.sourceId].some((id) => id && only.includes(id))) : people;
		/** @param {string} kind */
		const of = (kind) => listed.filter((person) => person.kind === kind);
		return { listed, deleted: listed.filter(isLeaving), unlinked: only.length ? [] : of("unlinked") };
	} catch (error) {
		if (error instanceof Problem && error.parts.length) return { listed: null, deleted: null, unlinked: [], unreadable: error.parts };
		throw error;
	}
}

/**
 * @param {FormData} form
 * @param {SyncNowData} data
 */
function entered(form, data) {
	data.approved = form.get("approve") !== null;
	data.ticked = form.getAll("unlinked").map(String);
	data.reason = String(form.get("reason") ?? "").trim();
}

/**
 * @param {SyncNowData} data
 * @param {AnyContext} context
 */
function start(data, { params, act }) {
	if (!isTyped(data)) return;
	act("start", async () => {
		const run = await startSync(params.on, approval(data), data.only);
		change({ run: run.id, only: null }, { replace: true });
	});
}

/**
 * @param {SyncNowData} data
 * @param {AnyContext} context
 */
function question(data, context) {
	const { domain, dryRun, listed, only } = data;
	if (!dryRun) return [only.length > 0 && chosenPeople(data), note("warning", t("syncNow.noDryRun")), h("p", t("syncNow.explained"))];
	const counts = only.length ? tally(listed ?? []) : kindsOf(dryRun.counts);
	const check = verdictOf({ ...data, dryRun });
	const finished = dryRun.finishedAt ?? dryRun.createdAt;
	const old = Date.now() - Date.parse(finished) > OLD_AFTER;
	const later = domain.lastSync && Date.parse(domain.lastSync.createdAt) > Date.parse(finished) && changedSomething(domain.lastSync);
	const over = only.length ? [] : exceeded(dryRun, domain);
	return [
		only.length > 0 && chosenPeople(data),
		h("p", t("syncNow.lastDryRun"), " ", h("a.link", { href: runAddress(dryRun) }, when(finished, { relative: "long" }))),
		old && note("warning", t("syncNow.old")),
		later && note("warning", t("syncNow.syncedSince")),
		!only.length && dryRun.questions > 0 && note("warning", h("a.link", { href: runAddress(dryRun) }, t("syncNow.questions", { n: dryRun.questions }))),
		(!only.length || listed) && [countsBar(counts), countsLegend(counts)],
		!only.length && check && gauge(check, "dryRun", dryRun.limitChecks, data.approved && !willBeCancelled(data)),
		!only.length && check && check.maxAllowedDeletions !== dryRun.deletionCheck?.maxAllowedDeletions && note("plain", t("syncNow.otherLimit", { limit: check.maxAllowedDeletions })),
		(data.deleted?.length ?? counts.delete) > 0 && whoIsDeleted(data, { ...context, dryRun }),
		over.length > 0 && data.features.approval && listed && approveAll(over),
		data.unlinked.length > 0 && domain.unlinked === "ask" && approveUnlinked(data.unlinked),
		listed && h("div.field", h("label", { for: "sync-reason" }, t("syncNow.reason")), h("input", { id: "sync-reason", name: "reason", maxlength: LONGEST_REASON, autocomplete: "off" }), h("p.muted", t("syncNow.reasonMore"))),
		deletions(data) > MOST_UNTYPED && !willBeCancelled(data) && typeNumber(data, context),
	];
}

/** @param {SyncNowData} data */
function chosenPeople({ only, listed }) {
	const names = only.map((id) => {
		const person = listed?.find(({ objectId, sourceId }) => id === objectId || id === sourceId);
		return person ? nameOf(person) : id;
	});
	return note("plain", h("strong", t("syncNow.only", { n: only.length })), h("p", names.join(t("counts.and"))), muted(t("syncNow.onlyMore")));
}

/**
 * @param {SyncNowData} data
 * @param {AnyContext & { dryRun: Api.Run }} context
 */
function whoIsDeleted(data, { draw, dryRun }) {
	const { deleted, marked, unreadable, only } = data;
	const listed = deleted ? deleted.length : dryRun.counts.delete;
	const heading = willBeCancelled(data) ? t("syncNow.listed", { n: listed }) : t("syncNow.deleted", { n: deletions(data) });
	const byName = !only.length && named(data) <= MOST_NAMED;
	const left = listed - marked.size;
	return h(
		"section.deletions",
		h("h3", heading),
		deleted && byName && h("p.muted", left ? t("syncNow.left", { n: left }) : t("syncNow.leaveMore")),
		deleted ? peopleTable(dryRun.domain, deleted, byName ? { ids: marked, changed: draw } : null) : note("warning", unreadable ? said(unreadable) : t("syncNow.logGone")),
	);
}

/** @param {Person[]} unlinked */
function approveUnlinked(unlinked) {
	return h(
		"fieldset.ticks",
		h("legend", t("syncNow.unlinked", { n: unlinked.length })),
		h("p.muted", t("syncNow.unlinkedMore")),
		h(
			"ul",
			unlinked.map((person) =>
				h(
					"li",
					{ "data-key": person.objectId },
					h("label", h("input", { type: "checkbox", name: "unlinked", value: person.objectId }), h("span", h("strong", nameOf(person)), " ", muted(person.userPrincipalName))),
				),
			),
		),
	);
}

/** @param {Api.Approve["kinds"]} kinds */
function approveAll(kinds) {
	const what = kinds.map((kind) => t(`approve.${kind}`)).join(t("counts.and"));
	return h(
		"label.choice",
		h("input", { type: "checkbox", name: "approve", value: "yes" }),
		h("span", h("strong", t("syncNow.approve", { what })), muted(t("syncNow.approveMore"))),
	);
}

/**
 * @param {SyncNowData} data
 * @param {AnyContext} context
 */
function typeNumber(data, { draw }) {
	/** @param {InputEvent & { target: HTMLInputElement }} event */
	const oninput = (event) => {
		data.typed = event.target.value;
		draw();
	};
	return h(
		"div.field",
		h("label", { for: "sync-typed" }, t("syncNow.typeNumber", { n: deletions(data) })),
		h("input", { id: "sync-typed", inputmode: "numeric", autocomplete: "off", oninput }),
	);
}

/**
 * Many deletions need their number typed, in whichever digits and with a comma or without.
 * @param {SyncNowData} data
 */
function isTyped(data) {
	const asked = deletions(data);
	if (asked <= MOST_UNTYPED || willBeCancelled(data)) return true;
	return data.typed.normalize("NFKC").replace(/[,\s]/g, "") === String(asked);
}

/**
 * @param {SyncNowData} data
 * @param {AnyContext} context
 */
function buttons(data, { params, busy }) {
	const active = isActive(data.domain.activeRun);
	const untyped = !isTyped(data);
	return [
		active && h("span.muted.grow", t("domains.busy")),
		button(t("dialog.cancel"), closeDialog),
		!data.dryRun && button(t("dryRun.title"), () => openDialog("dry-run", params.on), { kind: "primary", needs: "Operator" }),
		button(busy("start") ? t("started.starting") : goText(data), null, {
			kind: deletions(data) ? "danger" : data.dryRun ? "primary" : "",
			type: "submit",
			needs: "Administrator",
			disabled: busy("start") || active || untyped,
			why: untyped ? t("syncNow.typeNumber", { n: deletions(data) }) : "",
		}),
	];
}

/**
 * What the button does.
 * @param {SyncNowData} data
 */
function goText(data) {
	const n = deletions(data);
	if (willBeCancelled(data)) return t("syncNow.goCancelled");
	if (data.only.length) return n ? t("syncNow.goOnlyDelete", { n: data.only.length, deleted: number(n) }) : t("syncNow.goOnly", { n: data.only.length });
	return n ? t("syncNow.goDelete", { n }) : t("syncNow.title");
}
