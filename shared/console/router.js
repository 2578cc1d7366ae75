// What the address says: everything that a reload or a shared link must bring back.

/**
 * "#/domains/contoso.com/runs/1?show=delete" → { path: ["domains", …], query: { show: "delete" } }
 * @returns {{ path: string[], query: Record<string, string> }}
 */
export function here() {
	const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
	/** @type {string[]} */
	let parts = [];
	try {
		parts = path.split("/").filter(Boolean).map(decodeURIComponent);
	} catch {
		// An address that is none shows the list.
	}
	return { path: parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/**
 * @param {string[]} path
 * @param {Record<string, string | null | undefined>} [query]
 */
export function address(path, query = {}) {
	const search = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []))).toString();
	return `#/${path.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

/**
 * @param {string} domain
 * @param {string} [page]
 */
export const domainAddress = (domain, page = "sync-logs") => address(["domains", domain, page]);

/**
 * @param {{ domain: string, id: string }} run
 * @param {Record<string, string>} [query]
 */
export const runAddress = (run, query) => address(["domains", run.domain, "runs", run.id], query);

/**
 * Goes to an address; `replace` where Back should not come through here.
 * @param {string} target
 * @param {{ replace?: boolean }} options
 */
export function go(target, { replace = false } = {}) {
	if (target === location.hash) return;
	history[replace ? "replaceState" : "pushState"](null, "", target);
	dispatchEvent(new Event("went"));
}

/**
 * The same place with another query: a filter, a page, a dialog.
 * @param {Record<string, string | null>} query
 * @param {{ replace?: boolean }} [options]
 */
export function change(query, options) {
	const now = here();
	go(address(now.path, { ...now.query, ...query }), options);
}

/**
 * Opens a dialog over the page; `more` is what it is about.
 * @param {string} dialog
 * @param {string} on
 * @param {Record<string, string>} [more]
 */
export function openDialog(dialog, on, more = {}) {
	change({ dialog, on, of: null, run: null, only: null, ...more });
}

export function closeDialog() {
	change({ dialog: null, on: null, of: null, run: null, only: null });
}
