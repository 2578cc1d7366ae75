// The page itself: which view the address asks for, the dialog over it, and what concerns both.

import { functionKey, signsIn, whoCalls } from "./api.js";
import { focusNamed, h, morph, nameOf } from "./dom.js";
import { dialogBody, showOnce } from "./parts/dialog.js";
import { button, icon } from "./parts/marks.js";
import { address, closeDialog, here } from "./router.js";
import { Screen } from "./screen.js";
import { remember } from "./triage.js";
import { authorText, currentLanguage, switchLanguage, t } from "./texts.js";
import approvals from "./views/approvals.js";
import auditLogs from "./views/audit-logs.js";
import changes from "./views/changes.js";
import domains from "./views/domains.js";
import dryRun from "./views/dry-run.js";
import { keyDialog } from "./views/function-key.js";
import leavers from "./views/leavers.js";
import notification from "./views/notification.js";
import notifications from "./views/notifications.js";
import people from "./views/people.js";
import periodicalSync from "./views/periodical-sync.js";
import preCheck from "./views/pre-check.js";
import run from "./views/run.js";
import settings from "./views/settings.js";
import source from "./views/source.js";
import syncLogs from "./views/sync-logs.js";
import syncNow from "./views/sync-now.js";
import tenantSettings from "./views/tenant-settings.js";
import undo from "./views/undo.js";
import watch from "./views/watch.js";

/** @type {Record<string, View<any>>} */
const PAGES = { "sync-logs": syncLogs, "audit-logs": auditLogs, "pre-check": preCheck, watch, leavers, changes };
/** @type {Record<string, View<any>>} */
const DIALOGS = { "dry-run": dryRun, "sync-now": syncNow, "periodical-sync": periodicalSync, settings, undo, notification };

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const dialog = /** @type {HTMLDialogElement} */ (element("dialog"));
let lost = false;
let asking = false;
let firstDrawn = false;
/** @type {string | null} the name of what had the focus when the dialog was opened, until it has it again */
let asker = null;
/** @type {(() => void) | null} closes the dialog that asks to sign in */
let signedIn = null;
const PLACE = "console.place";
/** @type {Api.Me | null} who stands in the corner */
let shown = null;

const events = {
	connected: () => {
		connection(false);
		signedIn?.();
		if (whoCalls() !== shown) drawShell();
	},
	disconnected: () => connection(true),
	keyNeeded: askForKey,
	signInNeeded: askToSignIn,
};

const page = new Screen(element("main"), {
	...events,
	leave: () => location.hash.length > 2 && h("a.button", { href: address([]) }, t("problem.back")),
	/** @param {boolean} anew */
	drawn: (anew) => {
		document.title = `${page.title} – ${t("page.name")}`;
		// Whoever listens instead of looking should hear where they are now; at the very first, they know.
		if (anew && firstDrawn && !dialog.open) focus(element("main"), "h1");
		if (anew) firstDrawn = true;
		backToAsker();
	},
});

const over = new Screen(element("dialog-content"), {
	...events,
	leave: () => button(t("dialog.close"), closeDialog),
	/** @param {boolean} anew */
	drawn: (anew) => {
		dialog.setAttribute("aria-label", over.title);
		if (anew) focus(dialog, ".dialog-title");
	},
});

/**
 * @param {HTMLElement} root
 * @param {string} selector
 */
function focus(root, selector) {
	const found = /** @type {HTMLElement | null} */ (root.querySelector(selector));
	found?.focus();
}

/** The page may have been drawn anew behind the dialog: what had the focus may be another element now, or come later. */
function backToAsker() {
	if (!asker || dialog.open) return;
	const focused = document.activeElement;
	if (focused === document.body || element("main").contains(focused)) focusNamed(element("main"), asker);
	if (document.activeElement !== document.body) asker = null;
}

function route() {
	const { path, query } = here();
	const [view, params] = pageFor(path);
	page.open(view, { ...params, ...query });
	const asked = DIALOGS[query.dialog];
	if (asked && query.on) {
		over.open(asked, query);
		if (!dialog.open) {
			asker = nameOf(document.activeElement);
			dialog.showModal();
		}
	} else if (over.isOpen) {
		// Escape has closed the dialog element by now, but not what it showed.
		over.close();
		dialog.close();
		backToAsker();
		page.refresh();
	}
}

/**
 * @param {string[]} path
 * @returns {[View<any>, Partial<Params>]}
 */
function pageFor([section, domain, name, runId]) {
	if (section === "domains" && domain) {
		if (name === "runs" && runId) {
			remember(runId);
			return [run, { domain, runId }];
		}
		return [PAGES[name] ?? syncLogs, { domain }];
	}
	if (section === "people") return [people, domain ? { person: domain } : {}];
	return [{ source, settings: tenantSettings, approvals, notifications }[section] ?? domains, {}];
}

// Escape closes the dialog element itself; the address must follow.
dialog.addEventListener("close", () => here().query.dialog && closeDialog());

/** @param {boolean} isLost */
function connection(isLost) {
	if (lost === isLost) return;
	lost = isLost;
	drawBanner();
}

function drawBanner() {
	element("banner").replaceChildren(lost ? h("p", icon("running"), t("page.disconnected"), " ", button(t("page.retry"), retry, { kind: "link" })) : "");
}

function retry() {
	page.refresh();
	if (dialog.open) over.refresh();
}

/** @param {boolean} refused */
function askForKey(refused) {
	if (asking) return;
	asking = true;
	const given = (/** @type {() => void} */ close) => {
		close();
		drawShell();
		retry();
	};
	showOnce((close) => keyDialog({ refused, close, done: () => given(close) }), notAsking);
}

function askToSignIn() {
	if (asking) return;
	asking = true;
	showOnce((close) => {
		signedIn = close;
		return signIn(close);
	}, notAsking);
}

function notAsking() {
	asking = false;
	signedIn = null;
}

/**
 * Where something is shown already, it is kept, what was typed too: one signs in in another tab. Else one comes back to
 * the same address.
 * @param {() => void} close
 */
function signIn(close) {
	const keep = page.ready || over.ready;
	const href = `/.auth/login/aad?post_login_redirect_uri=${encodeURIComponent(location.pathname)}`;
	const remember = () => sessionStorage.setItem(PLACE, location.hash);
	const how = keep ? { href, target: "_blank", rel: "noopener" } : { href, onclick: remember };
	return dialogBody({
		title: t("signIn.title"),
		close,
		body: [h("p", t(keep ? "signIn.ended" : "signIn.explained")), keep && h("p.muted", t("signIn.elsewhere"))],
		buttons: [keep && button(t("signIn.done"), retry), h("a.button.primary", how, t("signIn.go"))],
	});
}

/** The address of before one signed in. */
function comeBack() {
	const place = sessionStorage.getItem(PLACE);
	sessionStorage.removeItem(PLACE);
	if (place && !location.hash) history.replaceState(null, "", place);
}

function forgetKey() {
	functionKey.forget();
	location.reload();
}

function drawShell() {
	document.title = t("page.name");
	const other = currentLanguage() === "ja" ? "en" : "ja";
	const change = async () => {
		await switchLanguage(other);
		drawShell();
		drawBanner();
		page.draw();
		over.draw();
	};
	shown = whoCalls();
	const fresh = h(
		"div.shell",
		h("a.brand", { href: address([]) }, h("span.muted", t("page.section")), h("span.brand-name", t("page.name"))),
		h(
			"div.actions",
			shown && h("span.me", authorText(shown.name), shown.knownBy === "signIn" && [" · ", t(`role.${shown.role}`)]),
			h("a.button.quiet", { href: address(["people"]) }, t("person.find")),
			signsIn() && h("a.button.quiet", { href: address(["approvals"]) }, t("approvals.title")),
			functionKey.get() && button(t("key.forget"), forgetKey, { kind: "quiet" }),
			signsIn() && h("a.button.quiet", { href: "/.auth/logout?post_logout_redirect_uri=%2Fapi%2Fconsole" }, t("signIn.out")),
			button(t(`language.${other}`), change, { kind: "quiet", lang: other }),
		),
	);
	const shell = element("shell");
	if (shell.firstElementChild) morph(shell.firstElementChild, fresh);
	else shell.append(fresh);
	element("skip").textContent = t("page.skip");
}

element("skip").addEventListener("click", (event) => {
	event.preventDefault();
	focus(element("main"), "h1");
});
addEventListener("popstate", route);
addEventListener("went", route);
addEventListener("changed", () => page.refresh());
addEventListener("online", retry);
addEventListener("offline", () => connection(true));
document.addEventListener("visibilitychange", () => document.hidden || retry());

comeBack();
drawShell();
route();
