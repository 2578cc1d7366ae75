// One place of the page that shows a view: loads what it needs, draws it, and keeps it fresh.
//
// A view is an object of
//   title(context)      what the page or the dialog is called
//   place(params)       what it is about; its data are loaded anew when that changes
//   load(context)       → data; asked again while the view is shown
//   pollAfter(context)  → seconds until then, null for never
//   render(context)     → an element

import { Disconnected, KeyNeeded, Problem, SignInNeeded } from "./api.js";
import { h, morph } from "./dom.js";
import { problemNote, waiting } from "./parts/marks.js";

const PATIENCE = 300;
const RETRY_SECONDS = [1, 2, 4, 8, 15];

export class Screen {
	#root;
	#events;
	/** @type {View<any> | null} */
	#view = null;
	#params = /** @type {Params} */ ({});
	/** @type {string | null} */
	#place = null;
	/** @type {unknown} */
	#data;
	/** @type {Problem | null} */
	#problem = null;
	/** @type {Set<string>} */
	#busy = new Set();
	/** @type {AbortController | null} */
	#loading = null;
	#timer = 0;
	#failures = 0;
	#fresh = true;
	#slow = true;
	#patience = 0;

	/**
	 * `events` are told what concerns the whole page: drawn, keyNeeded, signInNeeded, disconnected, connected.
	 * @param {HTMLElement} root
	 * @param {ScreenEvents} events
	 */
	constructor(root, events) {
		this.#root = root;
		this.#events = events;
	}

	get title() {
		return this.#view?.title(this.#context()) ?? "";
	}

	/**
	 * Shows a view. Whatever was there stays until the new one has its data, or takes too long to get them.
	 * @param {View<any>} view
	 * @param {Partial<Params>} given what the address says: of what the view goes by, all
	 */
	open(view, given) {
		const params = /** @type {Params} */ (given);
		const place = view.place(params);
		const same = view === this.#view && place === this.#place;
		this.#view = view;
		this.#params = params;
		this.#place = place;
		if (!same) {
			this.#data = undefined;
			this.#problem = null;
			this.#busy.clear();
			this.#fresh = true;
			this.#slow = !this.#root.firstChild;
			this.#root.setAttribute("aria-busy", "true");
			this.refresh();
			clearTimeout(this.#patience);
			this.#patience = setTimeout(() => {
				this.#slow = true;
				this.draw();
			}, PATIENCE);
		}
		this.draw();
	}

	close() {
		this.#stop();
		clearTimeout(this.#patience);
		this.#view = null;
		this.#place = null;
		this.#root.replaceChildren();
	}

	/** Loads now instead of at the next turn. */
	refresh = async () => {
		this.#stop();
		if (!this.#view) return;
		const loading = new AbortController();
		this.#loading = loading;
		/** @type {number | null} */
		let wait = null;
		try {
			const data = await this.#view.load({ ...this.#context(), signal: loading.signal });
			if (loading.signal.aborted) return;
			this.#data = data;
			this.#problem = null;
			this.#failures = 0;
			this.#events.connected();
			wait = this.#view.pollAfter(this.#context());
		} catch (error) {
			if (loading.signal.aborted) return;
			wait = this.#failed(error);
		}
		this.#loading = null;
		this.draw();
		if (wait !== null) this.#timer = setTimeout(() => document.hidden || this.refresh(), wait * 1000);
	};

	/**
	 * What to do after an error: the seconds until the next try, null for none.
	 * @param {unknown} error
	 */
	#failed(error) {
		if (error instanceof KeyNeeded) this.#events.keyNeeded(error.refused);
		else if (error instanceof SignInNeeded) this.#events.signInNeeded();
		else if (error instanceof Disconnected) {
			const wait = RETRY_SECONDS[Math.min(this.#failures++, RETRY_SECONDS.length - 1)];
			this.#events.disconnected();
			return wait;
		} else if (error instanceof Problem) {
			this.#problem = error;
			if (error.status >= 500 || this.#data !== undefined) return 15;
		} else throw error;
		return null;
	}

	/**
	 * Does something for the user once, however often it is asked for before it is done.
	 * @param {string} name
	 * @param {() => Promise<void>} deed
	 */
	act = async (name, deed) => {
		if (this.#busy.has(name)) return;
		const view = this.#view;
		this.#busy.add(name);
		this.#problem = null;
		this.draw();
		try {
			await deed();
		} catch (error) {
			if (error instanceof Disconnected) {
				this.#problem = new Problem(0, {});
				this.#events.disconnected();
				if (!this.#timer) this.#timer = setTimeout(this.refresh, 1000);
			} else if (view === this.#view) this.#failed(error);
		} finally {
			this.#busy.delete(name);
			this.draw();
		}
	};

	draw() {
		if (!this.#view) return;
		const context = this.#context();
		const ready = this.#data !== undefined;
		if (!ready && !this.#problem && !this.#slow) return;
		const body = ready ? this.#view.render(context) : this.#problem ? nothingToShow(this.#view.title(context)) : waiting();
		const fresh = h("div.screen", problemNote(this.#problem), body);
		const anew = this.#fresh;
		if (anew || !this.#root.firstChild) this.#root.replaceChildren(fresh);
		else morph(this.#root.firstChild, fresh);
		this.#fresh = anew && !ready && !this.#problem;
		if (!this.#fresh) this.#root.removeAttribute("aria-busy");
		this.#events.drawn(anew && !this.#fresh);
	}

	#context() {
		return {
			params: this.#params,
			data: this.#data,
			/** @param {string} name */
			busy: (name) => this.#busy.has(name),
			act: this.act,
			refresh: this.refresh,
			draw: () => this.draw(),
		};
	}

	#stop() {
		clearTimeout(this.#timer);
		this.#timer = 0;
		this.#loading?.abort();
		this.#loading = null;
	}
}

/** @param {string} title */
function nothingToShow(title) {
	return h("h1.dialog-title", { tabindex: "-1" }, title);
}
