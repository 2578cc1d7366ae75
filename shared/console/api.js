// The app's HTTP API, and what can go wrong with it.

const KEY = "console.functionKey";
// Few enough for the largest body that the API takes.
const DECISIONS_AT_ONCE = 200;
// All in one answer: for each page the app would read the whole list again.
const MOST_PEOPLE = 50_000;

/** An answer that is an error; `parts` say for people what is wrong, and `errors` which fields of the body are. */
export class Problem extends Error {
	/**
	 * @param {number} status
	 * @param {Partial<Api.Problem> | null} body null where the platform answered instead of the app
	 */
	constructor(status, body) {
		super(body?.detail ?? body?.title ?? `HTTP ${status}`);
		this.status = status;
		this.ofPlatform = body === null;
		/** @type {Api.Part[]} */
		this.parts = body?.parts ?? [];
		/** @type {FieldError[]} */
		this.errors = body?.errors ?? [];
	}

	/** The app reads what was asked for, and has it in a moment. */
	get underWay() {
		return this.status === 503 && this.parts.some(({ code }) => ["look.checking", "look.reading"].includes(code));
	}
}

/** There was no answer. */
export class Disconnected extends Error {}

/** The platform wants a function key, or another one than it was given. */
export class KeyNeeded extends Error {
	/** @param {boolean} refused */
	constructor(refused) {
		super("a function key is needed");
		this.refused = refused;
	}
}

/** Nobody is signed in where that decides who may call. */
export class SignInNeeded extends Error {}

/** People sign in here; else they have a key. */
export const signsIn = () => document.documentElement.dataset.auth === "entra";

export const functionKey = {
	get: () => sessionStorage.getItem(KEY),
	/** @param {string} key */
	set: (key) => sessionStorage.setItem(KEY, key),
	forget: () => sessionStorage.removeItem(KEY),
};

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.DomainList>}
 */
export async function listDomains(signal) {
	return (await json("GET", "domains", { signal })).body;
}

/**
 * @param {string} domain
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.Domain>}
 */
export async function getDomain(domain, signal) {
	return (await json("GET", path(domain), { signal })).body;
}

/**
 * The domain, and the version of its settings for `changeDomain`.
 * @param {string} domain
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ domain: Api.Domain, etag: string | null }>}
 */
export async function getSettings(domain, signal) {
	const answer = await json("GET", path(domain), { signal });
	return { domain: answer.body, etag: answer.headers.get("ETag") };
}

/**
 * @param {string} domain
 * @param {Partial<Api.SettingsChange>} changes
 * @param {string | null} etag
 * @returns {Promise<Api.Domain>}
 */
export async function changeDomain(domain, changes, etag) {
	/** @type {Record<string, string>} */
	const headers = etag ? { "If-Match": etag } : {};
	return (await json("PATCH", path(domain), { body: changes, headers })).body;
}

/** @param {string} domain */
export const startDryRun = (domain) => start(path(domain, "dry-run"), {});

/**
 * @param {string} domain
 * @param {Partial<Api.Approve> | null} approve
 * @param {string[]} only the chosen people; empty for everybody
 */
export const startSync = (domain, approve, only) => start(path(domain, "sync"), { ...(approve ? { approve } : {}), ...(only.length ? { only } : {}) });

/**
 * @param {string} domain
 * @param {string} runId
 * @param {Api.UndoOrder} options
 */
export const undoRun = (domain, runId, options) => start(path(domain, "runs", runId, "undo"), options);

/**
 * @param {string} domain
 * @param {string} runId
 */
export const cancelRun = (domain, runId) => start(path(domain, "runs", runId, "cancel"), {});

/**
 * @param {string} domain
 * @param {{ limit: number, cursor?: string | null } & Record<string, string | number | null | undefined>} asked a page, and which runs
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.RunList>}
 */
export async function listRuns(domain, asked, signal) {
	const query = new URLSearchParams(Object.entries(asked).flatMap(([name, value]) => (value ? [[name, String(value)]] : [])));
	return (await json("GET", `${path(domain, "runs")}?${query}`, { signal })).body;
}

/**
 * @param {string} domain
 * @param {string} runId
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.Run>}
 */
export async function getRun(domain, runId, signal) {
	return (await json("GET", path(domain, "runs", runId), { signal })).body;
}

/**
 * A link to the audit log that works without a key, for an hour at most; the file is named by the reader's own time.
 * @param {Api.Run} run
 * @returns {Promise<Api.AuditLogLink>}
 */
export async function auditLogLink({ domain, id, createdAt }) {
	const query = new URLSearchParams({ utcOffset: String(-new Date(createdAt).getTimezoneOffset()) });
	return (await json("GET", `${path(domain, "runs", id, "audit-log")}?${query}`)).body;
}

/**
 * The people of a run, the worst news first, and whether there are more than the page shows.
 * @param {string} domain
 * @param {string} runId
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ people: Api.RunPerson[], more: boolean }>}
 */
export async function listPeople(domain, runId, signal) {
	const query = new URLSearchParams({ limit: String(MOST_PEOPLE) });
	/** @type {Api.RunPeople} */
	const { people, cursor } = (await json("GET", `${path(domain, "runs", runId, "people")}?${query}`, { signal })).body;
	return { people, more: cursor !== null };
}

/**
 * A dry run with settings that are not in force.
 * @param {string} domain
 * @param {Record<string, unknown>} settings
 */
export const startWhatIf = (domain, settings) => start(path(domain, "dry-run"), { settings });

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.TenantSettingsView>}
 */
export async function getTenantSettings(signal) {
	return (await json("GET", "settings", { signal })).body;
}

/**
 * Who gets word of what, and the version of the tenant's settings.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ notifications: Api.Notification[], etag: string }>}
 */
export async function getNotifications(signal) {
	const { body, headers } = await json("GET", "settings", { signal });
	return { notifications: body.notifications.value ?? [], etag: headers.get("ETag") ?? "" };
}

/**
 * The first break in the log of a domain and of the tenant; null for none.
 * @param {string} domain
 * @returns {Promise<Api.IntegrityBreak | null>}
 */
export async function firstBreak(domain) {
	for (const place of [`domain=${encodeURIComponent(domain)}&`, ""]) {
		let cursor = "";
		do {
			/** @type {Api.Integrity} */
			const page = (await json("GET", `integrity?${place}cursor=${encodeURIComponent(cursor)}`)).body;
			if (page.broken) return page.broken;
			cursor = page.cursor ?? "";
		} while (cursor);
	}
	return null;
}

/**
 * Sends a message of test.
 * @param {string} id
 * @returns {Promise<Api.DeliveryView>}
 */
export async function testNotification(id) {
	return (await json("POST", `notifications/${encodeURIComponent(id)}/test`, { body: {} })).body;
}

/**
 * The version of the tenant's stored settings.
 * @param {AbortSignal} [signal]
 */
export const tenantEtag = async (signal) => (await json("GET", "settings", { signal })).headers.get("ETag") ?? "";

/**
 * Who changed what, of a domain and of the tenant, newest first.
 * @param {string} domain
 * @param {string | undefined} cursor
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.ChangeList>}
 */
export async function listChanges(domain, cursor, signal) {
	return (await json("GET", `changes?${new URLSearchParams({ domain, ...(cursor ? { cursor } : {}) })}`, { signal })).body;
}

/**
 * @param {Record<string, unknown>} changes
 * @param {string} etag
 */
export async function changeTenantSettings(changes, etag) {
	await json("PATCH", "settings", { body: changes, headers: { "If-Match": etag } });
}

/**
 * What the source has, from a reading `after` that version.
 * @param {number} after
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.SourceReport>}
 */
export async function describeSource(after, signal) {
	return (await json("GET", `source?${new URLSearchParams({ after: String(after) })}`, { signal })).body;
}

/** @param {string} domain */
export const startPreCheck = (domain) => start(path(domain, "pre-check"), {});

/**
 * What the last look has found.
 * @param {string} domain
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.PreCheck>}
 */
export async function preCheck(domain, signal) {
	return (await json("GET", path(domain, "pre-check"), { signal })).body;
}

/**
 * People of both sides by part of a name, an address or an id. The source is as it was read last.
 * @param {string} q
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.FoundPeople>}
 */
export async function findPeople(q, signal) {
	return (await json("GET", `people?${new URLSearchParams({ q })}`, { signal })).body;
}

/**
 * One person, by the sync of that domain or of their own, from a reading `after` that version.
 * @param {string} id
 * @param {string | undefined} domain
 * @param {number} after
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.Person>}
 */
export async function getPerson(id, domain, after, signal) {
	const query = new URLSearchParams({ after: String(after), ...(domain ? { domain } : {}) });
	return (await json("GET", `people/${encodeURIComponent(id)}?${query}`, { signal })).body;
}

/**
 * What runs and administrators did to a person.
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.PersonHistory>}
 */
export async function personHistory(id, signal) {
	return (await json("GET", `people/${encodeURIComponent(id)}/history`, { signal })).body;
}

/**
 * @param {string} objectId
 * @param {Api.HoldOrder} hold
 */
export const setHold = (objectId, hold) => json("PUT", `people/${encodeURIComponent(objectId)}/hold`, { body: hold });

/** @param {string} objectId */
export const liftHold = (objectId) => json("DELETE", `people/${encodeURIComponent(objectId)}/hold`, { body: {} });

/**
 * Who of the domain's leavers waits.
 * @param {string} domain
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.LeaverList>}
 */
export async function listLeavers(domain, signal) {
	return (await json("GET", path(domain, "leavers"), { signal })).body;
}

/**
 * The leaver, or the run that deletes them.
 * @param {string} domain
 * @param {string} objectId
 * @param {Partial<Api.LeaverOrder>} order
 */
export const decideAboutLeaver = (domain, objectId, order) => start(path(domain, "leavers", objectId), order);

/**
 * The open questions about who is who, and what people have decided.
 * @param {string} domain
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.DecisionList>}
 */
export async function listDecisions(domain, signal) {
	return (await json("GET", path(domain, "decisions"), { signal })).body;
}

/**
 * Says of each pair whether it is one person.
 * @param {string} domain
 * @param {Api.Offer[]} pairs
 * @param {boolean} same
 */
export async function decide(domain, pairs, same) {
	const decisions = pairs.map(({ sourceId, objectId }) => ({ sourceId, objectId, same }));
	for (let first = 0; first < decisions.length; first += DECISIONS_AT_ONCE) {
		await json("POST", path(domain, "decisions"), { body: { decisions: decisions.slice(first, first + DECISIONS_AT_ONCE) } });
	}
}

/**
 * @param {string} domain
 * @param {string} id
 */
export const takeBack = (domain, id) => json("DELETE", path(domain, "decisions", id), { body: {} });

/** @type {Api.Me | null} */
let caller = null;

/** Asks who is calling, until that is known. */
export async function askWhoCalls() {
	try {
		caller ??= (await json("GET", "me")).body;
	} catch {
		// What keeps this from being answered keeps the page from its data, too, and is said there.
	}
}

export const whoCalls = () => caller;

const ROLES = ["Reader", "Operator", "Administrator"];

/**
 * Whether one's role includes this one; while nobody has said, the app decides.
 * @param {Role} role
 */
export const may = (role) => !caller || ROLES.indexOf(caller.role.replace("Sync.", "")) >= ROLES.indexOf(role);

/**
 * What is read, or what keeps it from being read: the rest of a page is worth showing without it. What the page has
 * `shown` so far stays there, under the problem.
 * @template Read
 * @param {Promise<Read>} reading
 * @param {unknown} [shown]
 * @returns {Promise<[Read, null] | [null, Problem]>}
 */
export async function orProblem(reading, shown = null) {
	try {
		return [await reading, null];
	} catch (error) {
		if (error instanceof Problem && !shown) return [null, error];
		throw error;
	}
}

/** @type {Promise<Features> | null} */
let asked = null;

/**
 * Which of the things that not every version of the app can do this one can.
 * @returns {Promise<Features>}
 */
export function features() {
	asked ??= json("GET", "openapi.json").then(
		({ body }) => ({
			preCheck: "/api/domains/{domain}/pre-check" in body.paths,
			people: "/api/people/{person}" in body.paths,
			undo: "/api/domains/{domain}/runs/{runId}/undo" in body.paths,
			approval: "SyncOrder" in body.components.schemas,
			changes: "/api/changes" in body.paths,
			history: "/api/people/{person}/history" in body.paths,
			holds: "/api/people/{objectId}/hold" in body.paths,
			decisions: "/api/domains/{domain}/decisions" in body.paths,
			leavers: "/api/domains/{domain}/leavers" in body.paths,
		}),
		() => {
			asked = null;
			return {};
		},
	);
	return asked;
}

/**
 * What waits for a second person.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.ApprovalList>}
 */
export async function listApprovals(signal) {
	return (await json("GET", "approvals", { signal })).body;
}

/** @param {string} id */
export async function confirmApproval(id) {
	await json("POST", `approvals/${id}`, { body: {} });
}

/** @param {string} id */
export async function withdrawApproval(id) {
	await send("DELETE", `approvals/${id}`, {});
}

/**
 * @param {string} domain
 * @param {...string} rest
 */
const path = (domain, ...rest) => ["domains", domain, ...rest].map(encodeURIComponent).join("/");

/**
 * @param {string} address
 * @param {unknown} body
 * @returns {Promise<Api.Run>}
 */
const start = async (address, body) => (await json("POST", address, { body })).body;

/**
 * @param {string} method
 * @param {string} address
 * @param {RequestOptions} [options]
 */
async function json(method, address, options = {}) {
	const headers = { Accept: "application/json", ...options.headers };
	const answer = await send(method, address, { ...options, headers });
	const body = await read(answer);
	// It was not done yet: a second person has to confirm it. A run has an approval, too, of another kind.
	if (answer.status === 202 && body.approval?.asks) throw new Problem(202, { detail: "waits for a second person", parts: body.approval.asks });
	return { body, headers: answer.headers };
}

/**
 * @param {string} method
 * @param {string} address
 * @param {RequestOptions} options
 */
async function send(method, address, { headers = {}, body, signal }) {
	const key = functionKey.get();
	// A page of another origin can send neither of these two without asking this app first.
	/** @type {Record<string, string>} */
	const changing = method === "GET" ? {} : { "Content-Type": "application/json", "X-Requested-With": "sync-console" };
	let answer;
	try {
		answer = await fetch(`/api/${address}`, {
			method,
			headers: { ...headers, ...changing, ...(key ? { "x-functions-key": key } : {}) },
			body: body === undefined ? undefined : JSON.stringify(body),
			cache: "no-store",
			redirect: "manual",
			signal,
		});
	} catch (error) {
		if (aborted(error)) throw error;
		throw new Disconnected("there was no answer", { cause: error });
	}
	if (answer.ok) return answer;
	// Only the platform redirects, to sign in.
	if (answer.type === "opaqueredirect") throw new SignInNeeded();
	const problem = (answer.headers.get("Content-Type") ?? "").includes("problem+json");
	if (answer.status === 401) throw signsIn() ? new SignInNeeded() : new KeyNeeded(key !== null);
	throw new Problem(answer.status, problem ? await read(answer) : null);
}

/**
 * @param {Response} answer
 * @returns {Promise<any>}
 */
async function read(answer) {
	try {
		return await answer.json();
	} catch (error) {
		if (aborted(error)) throw error;
		throw new Disconnected("the answer broke off", { cause: error });
	}
}

/** @param {unknown} error */
const aborted = (error) => error instanceof Error && error.name === "AbortError";
