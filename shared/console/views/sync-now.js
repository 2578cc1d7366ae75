// Sync Now: what the last dry run said, who would be deleted, and then the question.

import { features, getDomain, getRun, Problem, startSync } from "../api.js";
import { h } from "../dom.js";
import { countsBar, countsLegend, kindsOf } from "../parts/counts.js";
import { dialogBody } from "../parts/dialog.js";
import { gauge, underLimit } from "../parts/gauge.js";
import { button, changedSomething, isActive, muted, note, pace, when } from "../parts/marks.js";
import { peopleTable } from "../parts/people-table.js";
import { startedDialog } from "../parts/started.js";
import { nameOf, peopleOf } from "../people.js";
import { change, closeDialog, openDialog, runAddress } from "../router.js";
import { said, t } from "../texts.js";

const OLD_AFTER = 3600_000;

/** @type {View<{ run: Api.Run } | SyncNowData>} */
export default {
	title: ({ params }) => t("syncNow.of", { domain: params.on }),

	place: ({ on, run }) => `${on} ${run ?? ""}`,

	// What was ticked stays ticked when the data are read again.
	async load({ params, data, signal }) {
		if (params.run) return { run: await getRun(params.on, params.run, signal) };
		const [domain, able] = await Promise.all([getDomain(params.on, signal), features()]);
		const before = data && "domain" in data ? data : null;
		const dryRun = domain.lastDryRun?.status === "succeeded" && !domain.lastDryRun.undoes ? domain.lastDryRun : null;
		return { domain, dryRun, features: able, approved: before?.approved ?? false, ticked: before?.ticked ?? 0, ...(await candidates(dryRun, signal)) };
	},

	pollAfter: ({ data }) => pace(data.run),

	render(context) {
		const { params, data } = context;
		const title = t("syncNow.of", { domain: params.on });
		if (data.run) return startedDialog(title, data.run, context);
		/** @param {FormData} form */
		const chosen = (form) => {
			data.approved = form.get("approve") !== null;
			data.ticked = form.getAll("unlinked").length;
			context.draw();
		};
		return dialogBody({ title, close: closeDialog, onsubmit: (form) => start(form, context), onchange: chosen, body: question(data), buttons: buttons(context) });
	},
};

/**
 * The people whom the dry run lists for deletion; null where they are gone. `unlinked` were
 * left, since no sync ever knew them.
 * @param {Api.Run | null} dryRun
 * @param {AbortSignal} signal
 * @returns {Promise<{ listed: Person[] | null, deleted: Person[] | null, unlinked: Person[], unreadable?: Api.Part[] }>}
 */
async function candidates(dryRun, signal) {
	if (!dryRun?.auditLog.available) return { listed: null, deleted: null, unlinked: [] };
	try {
		const { people } = await peopleOf(dryRun, signal);
		/** @param {string} kind */
		const of = (kind) => people.filter((person) => person.kind === kind);
		return { listed: people, deleted: of("delete"), unlinked: of("unlinked") };
	} catch (error) {
		if (error instanceof Problem && error.parts.length) return { listed: null, deleted: null, unlinked: [], unreadable: error.parts };
		throw error;
	}
}

/**
 * @param {FormData} form
 * @param {AnyContext} context
 */
function start(form, { params, data, act }) {
	const approve = approval(form, data);
	act("start", async () => {
		const run = await startSync(params.on, approve);
		change({ run: run.id }, { replace: true });
	});
}

/**
 * What was ticked, as the API takes it. Over a limit, what the dry run lists is approved by its own tick only.
 * @param {FormData} form
 * @param {SyncNowData} data
 * @returns {Partial<Api.Approve> | null}
 */
function approval(form, { dryRun, domain, listed }) {
	const ticked = form.getAll("unlinked").map(String);
	const all = form.get("approve") !== null;
	if (!dryRun || (!ticked.length && !all)) return null;
	const kinds = all ? exceeded(dryRun, domain) : [];
	if (!ticked.length) return { dryRunId: dryRun.id, kinds };
	if (!kinds.includes("delete")) kinds.push("delete");
	// Deletions that no limit stops are named too, or the list would be those that were ticked.
	const also = (listed ?? []).filter(({ action, result }) => result === "planned" && (all || (action === "delete" && !verdict(dryRun, domain)?.exceeded)));
	return {
		dryRunId: dryRun.id,
		kinds,
		objectIds: [...also.flatMap(({ objectId }) => objectId ?? []), ...ticked],
		sourceIds: also.flatMap(({ action, sourceId }) => (action === "add" && sourceId) || []),
	};
}

/**
 * What an approval has to name so that no limit stops a sync.
 * @param {Api.Run} dryRun
 * @param {Api.Domain} domain
 */
function exceeded(dryRun, domain) {
	const further = dryRun.limitChecks.filter((check) => check.exceeded).flatMap((check) => check.kinds);
	/** @type {Api.Approve["kinds"]} */
	const deletions = verdict(dryRun, domain)?.exceeded ? ["delete"] : [];
	return [...new Set([...deletions, ...further])];
}

/**
 * The deletions of the dry run under the limit as it is now.
 * @param {Api.Run} dryRun
 * @param {Api.Domain} domain
 */
function verdict(dryRun, { maxAllowedDeletions: limit }) {
	return dryRun.deletionCheck && limit !== null ? underLimit(dryRun.deletionCheck, limit) : dryRun.deletionCheck;
}

/** @param {SyncNowData} data */
function question(data) {
	const { domain, dryRun } = data;
	if (!dryRun) return [note("warning", t("syncNow.noDryRun")), h("p", t("syncNow.explained"))];
	const counts = kindsOf(dryRun.counts);
	const check = verdict(dryRun, domain);
	const finished = dryRun.finishedAt ?? dryRun.createdAt;
	const old = Date.now() - Date.parse(finished) > OLD_AFTER;
	const later = domain.lastSync && Date.parse(domain.lastSync.createdAt) > Date.parse(finished) && changedSomething(domain.lastSync);
	return [
		h("p", t("syncNow.lastDryRun"), " ", h("a.link", { href: runAddress(dryRun) }, when(finished, { relative: "long" }))),
		old && note("warning", t("syncNow.old")),
		later && note("warning", t("syncNow.syncedSince")),
		dryRun.questions > 0 && note("warning", h("a.link", { href: runAddress(dryRun) }, t("syncNow.questions", { n: dryRun.questions }))),
		countsBar(counts),
		countsLegend(counts),
		check && gauge(check, "dryRun", dryRun.limitChecks, data.approved),
		check && check.maxAllowedDeletions !== dryRun.deletionCheck?.maxAllowedDeletions && note("plain", t("syncNow.otherLimit", { limit: check.maxAllowedDeletions })),
		dryRun.counts.delete > 0 && whoIsDeleted({ ...data, dryRun }),
		exceeded(dryRun, domain).length > 0 && data.features.approval && data.listed && approveAll(exceeded(dryRun, domain)),
		data.unlinked.length > 0 && domain.unlinked === "ask" && approveUnlinked(data.unlinked),
	];
}

/**
 * Whether a limit cancels this sync, by what the dry run found and what is approved.
 * @param {SyncNowData} data
 */
function willBeCancelled({ domain, dryRun, approved }) {
	if (!dryRun) return false;
	const further = dryRun.limitChecks.filter((check) => check.exceeded);
	return approved ? further.some(({ kinds }) => !kinds.length) : further.length > 0 || Boolean(verdict(dryRun, domain)?.exceeded);
}

/** @param {SyncNowData & { dryRun: Api.Run }} data */
function whoIsDeleted({ deleted, dryRun, unreadable, ...data }) {
	const heading = willBeCancelled({ deleted, dryRun, ...data }) ? "syncNow.listed" : "syncNow.deleted";
	return h(
		"section.deletions",
		h("h3", t(heading, { n: dryRun.counts.delete })),
		deleted ? peopleTable(deleted) : note("warning", unreadable ? said(unreadable) : t("syncNow.logGone")),
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

/** @param {AnyContext} context */
function buttons({ params, data, busy }) {
	const active = isActive(data.domain.activeRun);
	const disabled = busy("start") || active;
	const deletions = (data.dryRun?.counts.delete ?? 0) + data.ticked;
	return [
		active && h("span.muted.grow", t("domains.busy")),
		button(t("dialog.cancel"), closeDialog),
		!data.dryRun && button(t("dryRun.title"), () => openDialog("dry-run", params.on), { kind: "primary", needs: "Operator" }),
		button(busy("start") ? t("started.starting") : goText(data, deletions), null, {
			kind: deletions ? "danger" : data.dryRun ? "primary" : "",
			type: "submit",
			needs: "Administrator",
			disabled,
		}),
	];
}

/**
 * What the button does.
 * @param {SyncNowData} data
 * @param {number} deletions
 */
function goText(data, deletions) {
	if (willBeCancelled(data)) return t("syncNow.goCancelled");
	return deletions ? t("syncNow.goDelete", { n: deletions }) : t("syncNow.title");
}
