// Who is who: what a domain's last run asks, what people have decided, and the buttons for both.

import { decide, takeBack } from "../api.js";
import { h } from "../dom.js";
import { nameOf } from "../people.js";
import { authorText, said, t } from "../texts.js";
import { askFirst } from "./dialog.js";
import { button, icon, muted, note, table, when } from "./marks.js";

const KINDS = /** @type {Api.Kind[]} */ (["sameUpn", "addBesideDeletion", "bothNames", "twoAccounts"]);
const SHOWN = 50;
const HEADING = "who-is-who";

/**
 * `list` is the domain's as it is now, which may be later than the run.
 * @param {Api.DecisionList} list
 * @param {Api.Run} run
 * @param {AnyContext} context
 */
export function whoIsWho({ questions, offered, decisions }, run, context) {
	if (!questions.length && !offered.length && !decisions.length) return null;
	const fresh = decisions.filter((each) => Date.parse(each.at) > Date.parse(run.createdAt)).length;
	const more = questions.length - SHOWN;
	return h(
		"section.surface.flush.who-is-who",
		h(
			"div.section-head",
			h("div", h("h2", { id: HEADING, tabindex: "-1" }, t("whoIsWho.title")), h("p.muted", questions.length ? t("whoIsWho.open", { n: questions.length }) : t("whoIsWho.none"))),
		),
		h("div.section-text", { role: "status" }, fresh > 0 && note("good", t("whoIsWho.decided", { n: fresh }))),
		together(questions, context),
		questions.length > 0 && questionTable(questions.slice(0, SHOWN), context),
		more > 0 && h("p.muted.section-text", t("whoIsWho.more", { n: more })),
		offered.length > 0 && h("details.section-text", h("summary", t("whoIsWho.offered", { n: offered.length })), offeredTable(offered.slice(0, SHOWN), context)),
		decisions.length > 0 && h("details.section-text", h("summary", t("whoIsWho.decisions", { n: decisions.length })), decisionTable(decisions, context)),
	);
}

/**
 * Where several questions of a kind have nothing against them, and no second one about either side: one answer for all.
 * @param {Api.QuestionView[]} questions
 * @param {AnyContext} context
 */
function together(questions, context) {
	const alike = questions.filter(({ alike, alsoIn }) => alike && !alsoIn.length);
	const groups = KINDS.map((kind) => alike.filter((each) => each.kind === kind)).filter((group) => group.length > 1);
	return groups.map((group) => {
		const what = t(`whoIsWho.together.${group[0].kind}`, { n: group.length });
		return h("div.together.section-text", { "data-key": group[0].kind }, h("span", what), answers(group, what, context));
	});
}

/**
 * @param {Api.QuestionView[]} questions
 * @param {AnyContext} context
 */
function questionTable(questions, context) {
	const columns = [["user", t("person.source")], ["account", t("person.entra")], ["evidence", t("whoIsWho.evidence")], ["since", t("whoIsWho.since")], ["decision", t("whoIsWho.decision")]];
	const rows = questions.map((question) => {
		const user = userOf(question, context);
		const account = question.displayName || question.userPrincipalName;
		return {
			key: question.id,
			cells: {
				user: someone(user.name, user.upn),
				account: someone(account, question.userPrincipalName),
				evidence: h("ul.evidence", question.for.map((part) => reason(part, "for")), question.against.map((part) => reason(part, "against")), question.alsoIn.length > 0 && h("li", muted(t("whoIsWho.alsoIn", { n: question.alsoIn.length })))),
				since: question.since && when(question.since),
				decision: answers([question], pairText(user.name, account), context),
			},
		};
	});
	return table(t("whoIsWho.title"), columns, rows);
}

/**
 * Accounts that stay for somebody in the source: all that a person can say is that they are not theirs.
 * @param {Api.Offer[]} offered
 * @param {AnyContext} context
 */
function offeredTable(offered, context) {
	const columns = [["user", t("person.source")], ["account", t("person.entra")], ["evidence", t("whoIsWho.why")], ["decision", t("whoIsWho.decision")]];
	const rows = offered.map((pair) => {
		const user = userOf(pair, context);
		const account = accountOf(pair, context);
		const decision = answers([pair], pairText(user.name, account.name), context, [false]);
		return { key: `${pair.sourceId} ${pair.objectId}`, cells: { user: someone(user.name, user.upn), account: someone(account.name, account.upn), evidence: said(account.reason), decision } };
	});
	return table(t("whoIsWho.offered", { n: offered.length }), columns, rows);
}

/**
 * @param {Api.DecisionView[]} decisions
 * @param {AnyContext} context
 */
function decisionTable(decisions, context) {
	const { params, act, busy, refresh } = context;
	const columns = [["user", t("person.source")], ["account", t("person.entra")], ["decision", t("whoIsWho.decision")], ["by", t("whoIsWho.by")], ["action", t("audit.action")]];
	const rows = decisions.map((decision) => {
		const user = userOf(decision, context);
		const account = accountOf(decision, context);
		const undo = () =>
			act(decision.id, async () => {
				await takeBack(params.domain, decision.id);
				await shownAgain(refresh);
			});
		return {
			key: decision.id,
			cells: {
				user: someone(user.name, user.upn),
				account: someone(account.name, account.upn),
				decision: [h("strong", t(decision.same ? "whoIsWho.same" : "whoIsWho.different")), decision.lapsesAt && h("p.muted", t("whoIsWho.lapses"), " ", when(decision.lapsesAt))],
				by: [authorText(decision.by), h("p.muted", when(decision.at))],
				action: button(t("whoIsWho.takeBack"), undo, { kind: "link", disabled: busy(decision.id), needs: "Administrator", name: `${t("whoIsWho.takeBack")}: ${pairText(user.name, account.name)}` }),
			},
		};
	});
	return table(t("whoIsWho.decisions", { n: decisions.length }), columns, rows);
}

/**
 * A button for each answer that may be given; `about` names the pairs.
 * @param {Api.Offer[]} pairs
 * @param {string} about
 * @param {AnyContext} context
 * @param {boolean[]} choices
 */
function answers(pairs, about, context, choices = [true, false]) {
	const disabled = context.busy("decide");
	return h(
		"div.actions",
		choices.map((same) => {
			const answer = t(same ? "whoIsWho.same" : "whoIsWho.different");
			return button(answer, () => confirm(pairs, about, same, context), { disabled, needs: "Administrator", name: `${answer}: ${about}` });
		}),
	);
}

/**
 * @param {Api.Offer[]} pairs
 * @param {string} about
 * @param {boolean} same
 * @param {AnyContext} context
 */
function confirm(pairs, about, same, { params, act, refresh }) {
	const answer = t(same ? "whoIsWho.same" : "whoIsWho.different");
	const deed = () =>
		act("decide", async () => {
			await decide(params.domain, pairs, same);
			await refresh();
		});
	const body = [h("p", h("strong", about)), h("p", t(same ? "whoIsWho.sameFollows" : "whoIsWho.differentFollows")), h("p.muted", t("whoIsWho.counts"))];
	askFirst({ title: answer, body, stay: t("dialog.cancel"), go: answer, kind: same ? "primary" : "danger", deed, after: focusHeading });
}

/**
 * The button that was pressed is gone by then, and the focus with it.
 * @param {() => Promise<void>} refresh
 */
async function shownAgain(refresh) {
	await refresh();
	focusHeading();
}

function focusHeading() {
	document.getElementById(HEADING)?.focus();
}

/**
 * The source user, with the name and UPN that the run has, while it has its people.
 * @param {{ sourceId: string }} pair
 * @param {AnyContext} context
 */
function userOf({ sourceId }, context) {
	const found = personWith("sourceId", sourceId, context);
	return { name: (found && nameOf(found)) || sourceId, upn: found?.userPrincipalName ?? "" };
}

/**
 * The account, with what the run says of it.
 * @param {{ objectId: string }} pair
 * @param {AnyContext} context
 */
function accountOf({ objectId }, context) {
	const found = personWith("objectId", objectId, context);
	return { name: (found && nameOf(found)) || objectId, upn: found?.userPrincipalName ?? "", reason: found?.reason ?? [] };
}

/**
 * @param {"sourceId" | "objectId"} side
 * @param {string} id
 * @param {AnyContext} context
 * @returns {Person | undefined}
 */
const personWith = (side, id, { data }) => data.people?.find((/** @type {Person} */ each) => each[side] === id);

/**
 * @param {string} name
 * @param {string} upn
 */
const someone = (name, upn) => h("div.stack", h("strong", name), upn && upn !== name && muted(upn));

/**
 * @param {string} user
 * @param {string} account
 */
const pairText = (user, account) => `${user} – ${account}`;

/**
 * @param {Api.Part} part
 * @param {"for" | "against"} side
 */
function reason(part, side) {
	return h("li", { class: `speaks-${side}` }, icon(side === "for" ? "add" : "delete"), h("span", h("span.hidden", t(`whoIsWho.${side}`), ": "), said([part])));
}
