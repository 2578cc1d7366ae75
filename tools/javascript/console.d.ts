// What the console's files have in common. What the API answers is in api.d.ts.

/** What `h` takes as a child; null, undefined, false and "" show nothing. */
type Child = Node | string | null | undefined | false | readonly Child[];

/** `on…` and `.name` become properties, `vars` custom properties of CSS, everything else attributes. */
type Attributes = {
    vars?: Record<string, string | number>;
    [handler: `on${string}`]: ((event: any) => unknown) | null | undefined;
    [name: string]: unknown;
};

/** The element that h("dialog.modal") makes. */
type Made<Kind extends string> = (Kind extends `${infer Tag}.${string}` ? Tag : Kind) extends infer Tag
    ? Tag extends keyof HTMLElementTagNameMap
        ? HTMLElementTagNameMap[Tag]
        : HTMLElement
    : never;

/** An element that `h` made, which remembers what `morph` must carry over. */
type Remembering = HTMLElement & { given?: Record<string, unknown>; variables?: Record<string, string | number> };

/** What the address says: of a page, or of the dialog over it (`on` a domain, `of` a run). */
type Params = {
    domain: string;
    runId: string;
    cursor?: string;
    status?: string;
    mode?: string;
    by?: string;
    from?: string;
    to?: string;
    q?: string;
    show?: string;
    sort?: string;
    person?: string;
    dialog?: string;
    on: string;
    of: string;
    run?: string;
    only?: string;
};

/** What a look has found, or why it was refused. */
type Looked<T> = [T, null] | [null, import("../../shared/console/api.js").Problem];

/** What is wrong with one field of a form, by its name in the API. */
type FieldError = { field: string; parts: Api.Part[] };

/** `act` gives what kept it from being done; `wrong` is what its form got wrong, as `complain` or the app's answer has it. */
type Context<Data> = {
    params: Params;
    data: Data;
    busy: (name: string) => boolean;
    act: (name: string, deed: () => Promise<void>) => Promise<Obstacle | null>;
    wrong: FieldError[];
    complain: (wrong: FieldError[]) => void;
    refresh: () => Promise<void>;
    draw: () => void;
};

/** What a part needs of it, whatever the view has loaded. */
type AnyContext = Context<any>;

type Loading<Data> = Omit<Context<Data>, "data"> & { data?: Data; signal: AbortSignal };

/** See screen.js. */
interface View<Data> {
    title(context: Omit<Context<Data>, "data"> & { data?: Data }): string;
    place(params: Params): string;
    load(context: Loading<Data>): Promise<Data>;
    pollAfter(context: Context<Data>): number | null;
    render(context: Context<Data>): Element;
}

/** What keeps a screen from its data, or a form from being done. */
type Obstacle = import("../../shared/console/api.js").Problem | import("../../shared/console/api.js").KeyNeeded | import("../../shared/console/api.js").SignInNeeded;

/** `leave`: a way out of a screen that has nothing to show. */
type ScreenEvents = {
    leave: () => Child;
    drawn: (anew: boolean) => void;
    connected: () => void;
    disconnected: () => void;
    keyNeeded: (refused: boolean) => void;
    signInNeeded: () => void;
};

/** What not every version of the app can do. */
type Features = { preCheck?: boolean; people?: boolean; holds?: boolean; history?: boolean; undo?: boolean; approval?: boolean; decisions?: boolean; changes?: boolean; leavers?: boolean };

/** App roles; each includes those before it. */
type Role = "Reader" | "Operator" | "Administrator";

type RequestOptions = { headers?: Record<string, string>; body?: unknown; signal?: AbortSignal };

/** How many people, by kind. */
type Tally = Record<string, number>;

/** Hours of a watched domain with the same plan: how many saw it, how many could not look, and the newest of each. */
type WatchPeriod = { since: string | null; newest: Api.Run; seen: Api.Run | null; hours: number; failed: number };

/** One person of a run. `text` is what a search looks through. */
type Person = Api.RunPerson & { text?: string };

type ButtonOptions = {
    kind?: string;
    disabled?: boolean;
    why?: string;
    needs?: Role;
    shape?: string | null;
    name?: string | null;
    [attribute: string]: unknown;
};

type Row = { key: string; cells: Record<string, Child>; kind?: string };

type Texts = Record<string, Record<string, string | Record<string, string>>>;

/** One setting of a domain that is a number; `limit`: a percentage, a number of people, or both. */
type Setting = {
    name: Exclude<keyof Api.SettingsChange, "periodicSync" | "unlinked" | "leavers" | "pausedUntil" | "pauseReason">;
    kind: "percent" | "limit";
    optional: boolean;
};
type SettingValue = number | Partial<Api.Limit> | null;

/** `before`: what the settings were that somebody else has changed since the form was opened. */
type DomainSettingsData = {
    domain: Api.Domain;
    etag: string | null;
    before: Record<string, any>;
    users: number | null;
    runs: Api.Run[];
    typed: Record<string, { percent: number | null; count: number | null }>;
};

/** What the page of the tenant's settings shows; `run` is a what-if. `changed`: by somebody else since it was opened. */
type SettingsData = {
    settings: Api.TenantSettingsView;
    domains: Api.Domain[];
    run: Api.Run | null;
    changed: string[];
};

/** `tried`: how the last test of each fared. */
type NotificationsData = { notifications: Api.Notification[]; etag: string; domains: string[]; tried: Record<string, Api.DeliveryView> };

/** See triage.js. */
type Verdict = "unreadable" | "failed" | "cancelled" | "errors" | "waits" | "questions" | "undone" | "never" | "changes" | "disabled" | "running" | "paused" | "good" | "removed";
type Step = "settings" | "dryRun" | "review" | "syncNow" | "enable" | null;
type Judged = { domain: Api.Domain; run: Api.Run | null; review: Api.Run | null; verdict: Verdict; rank: number; next: Step };
type Side = { readAt: string | null; amiss: Api.Part[] };

/** `chosen`: the names of the domains that are ticked. `done`: what was done with them. */
type DomainsData = { domains: Api.Domain[]; tenant: Api.Tenant | null; asOf: string; at: number; chosen: Set<string>; done: Done | null };
type Done = { text: string; refused: { name: string; problem: import("../../shared/console/api.js").Problem | null }[] };

/** What the question of Sync Now is asked with. */
type SyncNowData = {
    domain: Api.Domain;
    features: Features;
    dryRun: Api.Run | null;
    run?: undefined;
    listed: Person[] | null;
    deleted: Person[] | null;
    unlinked: Person[];
    approved: boolean;
    ticked: string[];
    only: string[];
    marked: Set<string>;
    reason: string;
    typed: string;
    unreadable?: Api.Part[];
};
