// Sync Now: what the last dry run said, who would be deleted, and then the question.

import { peopleOf } from "../audit-log.js";
import { features, getDomain, getRun, Problem, startSync } from "../api.js";
import { h } from "../dom.js";
import { countsBar, countsLegend, kindsOf } from "../parts/counts.js";
import { dialogBody } from "../parts/dialog.js";
import { gauge, underLimit } from "../parts/gauge.js";
import { button, isActive, muted, note, pace, when } from "../parts/marks.js";
import { peopleTable } from "../parts/people-table.js";
import { startedDialog } from "../parts/started.js";
import { change, closeDialog, openDialog, runAddress } from "../router.js";
import { said, t } from "../texts.js";

const OLD_AFTER = 3600_000;

/** @type {View<{ run: Api.Run } | SyncNowData>} */
export default {
	title: ({ params }) => t("syncNow.of", { domain: params.on }),

	place: ({ on, run }) => `${on} ${run ?? ""}`,

	async load({ params, signal }) {
		if (params.run) return { run: await getRun(params.on, params.run, signal) };
		const [domain, able] = await Promise.all([getDomain(params.on, signal), features()]);
		const dryRun = domain.lastDryRun?.status === "succeeded" && !domain.lastDryRun.undoes ? domain.lastDryRun : null;
		return { domain, dryRun, features: able, ...(await deletions(dryRun, signal)) };
	},

	pollAfter: ({ data }) => pace(data.run),

	render(context) {
		const { params, data } = context;
		const title = t("syncNow.of", { domain: params.on });
		if (data.run) return startedDialog(title, data.run, context);
		return dialogBody({ title, close: closeDialog, onsubmit: (form) => start(form, context), body: question(data), buttons: buttons(context) });
	},
};

/**
 * The people whom the dry run's audit log lists for deletion; null where the log is gone or too large.
 * @param {Api.Run | null} dryRun
 * @param {AbortSignal} signal
 * @returns {Promise<{ deleted: Person[] | null, unreadable?: string }>}
 */
async function deletions(dryRun, signal) {
	if (!dryRun?.auditLog.available) return { deleted: null };
	try {
		const people = await peopleOf(dryRun, signal);
		return { deleted: people.filter((person) => person.kind === "delete") };
	} catch (error) {
		if (error instanceof Problem && error.detail) return { deleted: null, unreadable: error.detail };
		throw error;
	}
}

/**
 * @param {FormData} form
 * @param {AnyContext} context
 */
function start(form, { params, data, act }) {
	const approved = form.get("approve") ? data.dryRun.id : null;
	act("start", async () => {
		const run = await startSync(params.on, approved);
		change({ run: run.id }, { replace: true });
	});
}

/** @param {SyncNowData} data */
function question(data) {
	const { domain, dryRun } = data;
	if (!dryRun) return [note("warning", t("syncNow.noDryRun")), h("p", t("syncNow.explained"))];
	const counts = kindsOf(dryRun.counts);
	const limit = domain.maxAllowedDeletions;
	const check = dryRun.deletionCheck && limit !== null ? underLimit(dryRun.deletionCheck, limit) : dryRun.deletionCheck;
	const finished = dryRun.finishedAt ?? dryRun.createdAt;
	const old = Date.now() - Date.parse(finished) > OLD_AFTER;
	const later = domain.lastSync && Date.parse(domain.lastSync.createdAt) > Date.parse(finished);
	return [
		h("p", t("syncNow.lastDryRun"), " ", h("a.link", { href: runAddress(dryRun) }, when(finished, { relative: "long" })), ":"),
		old && note("warning", t("syncNow.old")),
		later && note("warning", t("syncNow.syncedSince")),
		countsBar(counts),
		countsLegend(counts),
		check && gauge(check, "dryRun", dryRun.limitChecks),
		check && check.maxAllowedDeletions !== dryRun.deletionCheck?.maxAllowedDeletions && note("plain", t("syncNow.otherLimit", { limit: check.maxAllowedDeletions })),
		dryRun.counts.delete > 0 && whoIsDeleted({ ...data, dryRun }),
		check?.exceeded && data.features.approval && data.deleted && approval(data.deleted.length),
	];
}

/** @param {SyncNowData & { dryRun: Api.Run }} data */
function whoIsDeleted({ deleted, dryRun, unreadable }) {
	return h(
		"section.deletions",
		h("h3", t("syncNow.deleted", { n: dryRun.counts.delete })),
		deleted ? peopleTable(deleted) : note("warning", unreadable ? said(unreadable) : t("syncNow.logGone")),
	);
}

/** @param {number} n */
function approval(n) {
	return h(
		"label.choice",
		h("input", { type: "checkbox", name: "approve", value: "yes" }),
		h("span", h("strong", t("syncNow.approve", { n })), muted(t("syncNow.approveMore"))),
	);
}

/** @param {AnyContext} context */
function buttons({ params, data, busy }) {
	const active = isActive(data.domain.activeRun);
	const disabled = busy("start") || active;
	return [
		active && h("span.muted.grow", t("domains.busy")),
		button(t("dialog.cancel"), closeDialog),
		!data.dryRun && button(t("dryRun.title"), () => openDialog("dry-run", params.on), { kind: "primary" }),
		button(t(busy("start") ? "started.starting" : "syncNow.title"), null, {
			kind: data.dryRun?.counts.delete ? "danger" : data.dryRun ? "primary" : "",
			type: "submit",
			disabled,
		}),
	];
}
