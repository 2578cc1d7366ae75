// The page itself: which view the address asks for, the dialog over it, and what concerns both.

import { functionKey, signsIn } from "./api.js";
import { h, morph } from "./dom.js";
import { showOnce } from "./parts/dialog.js";
import { button, icon } from "./parts/marks.js";
import { address, closeDialog, here } from "./router.js";
import { Screen } from "./screen.js";
import { currentLanguage, switchLanguage, t } from "./texts.js";
import auditLogs from "./views/audit-logs.js";
import changes from "./views/changes.js";
import domains from "./views/domains.js";
import dryRun from "./views/dry-run.js";
import { keyDialog } from "./views/function-key.js";
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
const PAGES = { "sync-logs": syncLogs, "audit-logs": auditLogs, "pre-check": preCheck, watch, changes };
/** @type {Record<string, View<any>>} */
const DIALOGS = { "dry-run": dryRun, "sync-now": syncNow, "periodical-sync": periodicalSync, settings, undo };

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const dialog = /** @type {HTMLDialogElement} */ (element("dialog"));
let lost = false;
let asking = false;
let firstDrawn = false;

const events = {
	connected: () => connection(false),
	disconnected: () => connection(true),
	keyNeeded: askForKey,
	signInNeeded: askToSignIn,
};

const page = new Screen(element("main"), {
	...events,
	/** @param {boolean} anew */
	drawn: (anew) => {
		document.title = `${page.title} – ${t("page.name")}`;
		// Whoever listens instead of looking should hear where they are now; at the very first, they know.
		if (anew && firstDrawn && !dialog.open) focus(element("main"), "h1");
		if (anew) firstDrawn = true;
	},
});

const over = new Screen(element("dialog-content"), {
	...events,
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

function route() {
	const { path, query } = here();
	const [view, params] = pageFor(path);
	page.open(view, { ...params, ...query });
	const asked = DIALOGS[query.dialog];
	if (asked && query.on) {
		over.open(asked, query);
		if (!dialog.open) dialog.showModal();
	} else if (over.title) {
		// Escape has closed the dialog element by now, but not what it showed.
		over.close();
		dialog.close();
		page.refresh();
	}
}

/**
 * @param {string[]} path
 * @returns {[View<any>, Partial<Params>]}
 */
function pageFor([section, domain, name, runId]) {
	if (section === "domains" && domain) {
		if (name === "runs" && runId) return [run, { domain, runId }];
		return [PAGES[name] ?? syncLogs, { domain }];
	}
	if (section === "people") return [people, domain ? { person: domain } : {}];
	return [{ source, settings: tenantSettings }[section] ?? domains, {}];
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
	showOnce((close) =>
		keyDialog({
			refused,
			done: () => {
				asking = false;
				close();
				drawShell();
				retry();
			},
		}),
	);
}

function askToSignIn() {
	if (asking) return;
	asking = true;
	showOnce(signIn);
}

function signIn() {
	const back = encodeURIComponent(location.pathname);
	return h(
		"div.dialog",
		h("h2.dialog-title", { tabindex: "-1" }, t("signIn.title")),
		h("p", t("signIn.explained")),
		h("p", h("a.button.primary", { href: `/.auth/login/aad?post_login_redirect_uri=${back}` }, t("signIn.go"))),
	);
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
	const fresh = h(
		"div.shell",
		h("a.brand", { href: address([]) }, h("span.muted", t("page.section")), h("span.brand-name", t("page.name"))),
		h(
			"div.actions",
			h("a.button.quiet", { href: address(["people"]) }, t("person.find")),
			functionKey.get() && button(t("key.forget"), forgetKey, { kind: "quiet" }),
			signsIn && h("a.button.quiet", { href: "/.auth/logout?post_logout_redirect_uri=%2Fapi%2Fconsole" }, t("signIn.out")),
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

drawShell();
route();
