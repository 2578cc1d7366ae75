// Who changed which setting, before and after, of a domain and of the tenant; and putting a setting back.

import { changeDomain, changeTenantSettings, features, firstBreak, getSettings, listChanges, orProblem, tenantEtag } from "../api.js";
import { h } from "../dom.js";
import { dialogBody, showOnce } from "../parts/dialog.js";
import { hourly } from "../parts/domain.js";
import { held } from "../parts/hold.js";
import { button, empty, muted, note, pace, pages, table, when } from "../parts/marks.js";
import { leaversText } from "../parts/leavers.js";
import { foundOr } from "../parts/problem.js";
import { address } from "../router.js";
import { authorText, number, said, t } from "../texts.js";
import { domainHeader } from "./domain-header.js";

const OF_TENANT = ["attributeMap", "usageLocation", "protectedUsers", "foreignDomains", "signIn", "upnFrom", "scope", "notifications"];

/** @typedef {{ domain: Api.Domain, etag: string | null, tenantEtag: string, features: Features, page: Looked<Api.ChangeList>, log: { broken?: Api.IntegrityBreak | null } }} Changes */

/** @type {View<Changes>} */
export default {
	title: ({ params }) => t("changes.of", { domain: params.domain }),

	place: ({ domain, cursor }) => `${domain} ${cursor ?? ""}`,

	async load({ params, data, signal }) {
		const [{ domain, etag }, tenant, able, page] = await Promise.all([getSettings(params.domain, signal), tenantEtag(signal), features(), orProblem(listChanges(params.domain, params.cursor, signal), data?.page[0])]);
		return { domain, etag, tenantEtag: tenant, features: able, page, log: data?.log ?? {} };
	},

	pollAfter: ({ data }) => pace(data.domain.activeRun),

	render(context) {
		const { domain, features: able, page } = context.data;
		return h(
			"div",
			domainHeader(domain, "changes", able, context),
			foundOr(page, context.refresh, ({ changes, cursor }) => [
				changes.length ? list(changes, context) : empty(t("changes.none")),
				pages(cursor, context.params.cursor),
			]),
			h("div.actions", button(t("changes.verify"), () => verify(context), { disabled: context.busy("verify") })),
			h("div", { role: "status" }, verified(context.data.log.broken)),
		);
	},
};

/** @param {Context<Changes>} context */
function verify({ act, data, params }) {
	delete data.log.broken;
	act("verify", async () => {
		data.log.broken = await firstBreak(params.domain);
	});
}

/** @param {Api.IntegrityBreak | null | undefined} broken undefined before it was looked for */
function verified(broken) {
	if (broken === undefined) return null;
	return broken ? note("danger", h("strong", t("changes.broken")), " ", said(broken.parts)) : note("good", t("changes.whole"));
}

/**
 * @param {Api.ChangeRecord[]} changes
 * @param {Context<Changes>} context
 */
function list(changes, context) {
	const columns = ["at", "what", "before", "after", "put"].map((name) => [name, t(`changes.${name}`)]);
	const rows = changes.flatMap((change) => {
		if (change.leaver) return [leaverRow(change, change.leaver)];
		if (change.decision) return [decisionRow(change, change.decision)];
		return change.hold ? [holdRow(change, change.hold)] : change.settings.map((one) => settingRow(change, one, context));
	});
	return h("div.surface.flush.changes", table(t("changes.title"), columns, rows));
}

/** @param {Api.ChangeRecord} change */
const made = ({ at, by, address: from }) => h("div.stack", when(at), muted(authorText(by)), from && h("span.muted.code", from));

/**
 * @param {Api.ChangeRecord} change
 * @param {Api.SettingChange} one
 * @param {Context<Changes>} context
 * @returns {Row}
 */
function settingRow(change, { setting, before, after }, context) {
	const name = settingName(setting);
	return {
		key: `${change.id} ${setting}`,
		cells: {
			at: made(change),
			what: h("div.stack", h("strong", name), muted(change.domain ?? t("changes.tenant"))),
			before: value(setting, before),
			after: value(setting, after),
			// Their addresses are shown to nobody, so what was there can't be given back.
			put: setting !== "notifications" && button(t("changes.putBack"), () => confirm(change, { setting, before, after }, context), { kind: "link", needs: "Administrator", disabled: context.busy("put back"), name: t("changes.putBackOf", { name }) }),
		},
	};
}

/**
 * @param {Api.ChangeRecord} change
 * @param {Api.DecisionChange} decision
 * @returns {Row}
 */
function decisionRow(change, { sourceId, objectId, before, after }) {
	/** @param {boolean | null} same */
	const text = (same) => (same === null ? muted(t("people.nothing")) : t(same ? "whoIsWho.same" : "whoIsWho.different"));
	return {
		key: change.id,
		cells: { at: made(change), what: h("div.stack", h("strong", t("changes.decision")), h("span.muted.code", sourceId), h("span.muted.code", objectId)), before: text(before), after: text(after), put: "" },
	};
}

/**
 * @param {Api.ChangeRecord} change
 * @param {Api.HoldChange} hold
 * @returns {Row}
 */
function holdRow(change, { objectId, before, after }) {
	/** @param {Api.Hold | null} hold */
	const text = (hold) => (hold ? h("div.stack", held(hold), muted(hold.reason)) : muted(t("people.nothing")));
	return {
		key: change.id,
		cells: { at: made(change), what: h("div.stack", h("strong", t("hold.hold")), h("a.link.code", { href: address(["people", objectId]) }, objectId)), before: text(before), after: text(after), put: "" },
	};
}

/**
 * @param {Api.ChangeRecord} change
 * @param {Api.LeaverChange} leaver
 * @returns {Row}
 */
function leaverRow(change, { objectId, before, after, until }) {
	/** @param {string | null} order */
	const text = (order) => (order === null ? muted(t("people.nothing")) : t(`leavers.${order}`));
	return {
		key: change.id,
		cells: { at: made(change), what: h("div.stack", h("strong", t("changes.leaver")), h("a.link.code", { href: address(["people", objectId]) }, objectId)), before: text(before), after: h("div.stack", text(after), until && when(until)), put: "" },
	};
}

/** @param {string} setting */
function settingName(setting) {
	if (setting === "periodicSync") return t("domains.periodical");
	return t(OF_TENANT.includes(setting) ? `tenant.${setting}` : `settings.${setting}`);
}

/**
 * @param {string} setting
 * @param {any} given
 */
function value(setting, given) {
	if (given === null || given === "") return muted(t(OF_TENANT.includes(setting) ? "people.nothing" : "settings.off"));
	if (setting === "periodicSync") return t(`periodical.${hourly({ periodicSync: given })}`);
	if (setting === "leavers") return leaversText(given);
	if (setting === "unlinked") return t(`settings.unlinked.${given}`);
	if (setting === "signIn" || setting === "upnFrom") return t(`tenant.${setting}.${given}`);
	if (typeof given === "number") return `${number(given)}%`;
	if (setting === "notifications") return h("div.stack", given.map((/** @type {Api.Notification} */ one) => h("span", `${one.id} (${t(`notify.kind.${one.kind}`)})`)));
	if (Array.isArray(given)) return h("span.code", given.join(", "));
	if (typeof given === "string") return given;
	if ("percent" in given && "count" in given) return [given.percent !== null && `${number(given.percent)}%`, given.percent !== null && given.count !== null && ` ${t("settings.and")} `, given.count !== null && `${number(given.count)} ${t("settings.users")}`];
	return h("code", JSON.stringify(given));
}

/**
 * @param {Api.ChangeRecord} change
 * @param {Api.SettingChange} one
 * @param {Context<Changes>} context
 */
function confirm(change, { setting, before }, { data, params, act, refresh }) {
	const name = settingName(setting);
	const put = () =>
		act("put back", async () => {
			if (change.domain) await changeDomain(params.domain, { [setting]: before }, data.etag);
			else await changeTenantSettings({ [setting]: before }, data.tenantEtag);
			await refresh();
		});
	showOnce((close) =>
		dialogBody({
			title: t("changes.putBackOf", { name }),
			close,
			onsubmit: () => {
				close();
				put();
			},
			body: [h("p", h("strong", name), ": ", value(setting, before)), note(change.domain ? "plain" : "warning", t(change.domain ? "changes.takesEffect" : "changes.takesEffectTenant"))],
			buttons: [button(t("dialog.cancel"), close), button(t("changes.putBack"), null, { kind: "primary", type: "submit" })],
		}),
	);
}
