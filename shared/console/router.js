// What the address says: everything that a reload or a shared link must bring back.

/** "#/domains/contoso.com/runs/1?show=delete" → { path: ["domains", …], query: { show: "delete" } } */
export function here() {
	const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
	let parts;
	try {
		parts = path.split("/").filter(Boolean).map(decodeURIComponent);
	} catch {
		parts = [];
	}
	return { path: parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function address(path, query = {}) {
	const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
	const search = new URLSearchParams(given).toString();
	return `#/${path.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

export const domainAddress = (domain, page = "sync-logs") => address(["domains", domain, page]);

export const runAddress = (run, query) => address(["domains", run.domain, "runs", run.id], query);

/** Goes to an address; `replace` where Back should not come through here. */
export function go(target, { replace = false } = {}) {
	if (target === location.hash) return;
	history[replace ? "replaceState" : "pushState"](null, "", target);
	dispatchEvent(new Event("went"));
}

/** The same place with another query: a filter, a page, a dialog. */
export function change(query, options) {
	const now = here();
	go(address(now.path, { ...now.query, ...query }), options);
}

/** Opens a dialog over the page; `more` is what it is about. */
export function openDialog(dialog, on, more = {}) {
	change({ dialog, on, of: null, run: null, ...more });
}

export function closeDialog() {
	change({ dialog: null, on: null, of: null, run: null });
}
