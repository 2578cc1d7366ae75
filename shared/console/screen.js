// One place of the page that shows a view: loads what it needs, draws it, and keeps it fresh.
//
// A view is an object of
//   title(context)      what the page or the dialog is called
//   place(params)       what it is about; its data are loaded anew when that changes
//   load(context)       → data; asked again while the view is shown
//   pollAfter(context)  → seconds until then, null for never
//   render(context)     → an element

import { askWhoCalls, Disconnected, KeyNeeded, Problem, SignInNeeded } from "./api.js";
import { focusNamed, h, morph, nameOf } from "./dom.js";
import { button, waiting } from "./parts/marks.js";
import { againButton, problemNote } from "./parts/problem.js";
import { t } from "./texts.js";

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
	/** @type {Obstacle | null} what keeps the data from being read */
	#problem = null;
	/** @type {Obstacle | null} what kept the last deed from being done; it stays until the next one */
	#refusal = null;
	/** @type {FieldError[]} */
	#wrong = [];
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
	 * `events` are told what concerns the whole page: drawn, keyNeeded, signInNeeded, disconnected, connected;
	 * and asked for a way to leave.
	 * @param {HTMLElement} root
	 * @param {ScreenEvents} events
	 */
	constructor(root, events) {
		this.#root = root;
		this.#events = events;
	}

	get isOpen() {
		return this.#view !== null;
	}

	/** Whether there is something to lose: data are shown. */
	get ready() {
		return this.#view !== null && this.#data !== undefined;
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
			this.#refusal = null;
			this.#wrong = [];
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
			const [data] = await Promise.all([this.#view.load({ ...this.#context(), signal: loading.signal }), askWhoCalls()]);
			if (loading.signal.aborted) return;
			this.#data = data;
			this.#problem = null;
			if (isLockedOut(this.#refusal)) this.#refusal = null;
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
		if (error instanceof Disconnected) {
			const wait = RETRY_SECONDS[Math.min(this.#failures++, RETRY_SECONDS.length - 1)];
			this.#events.disconnected();
			return wait;
		}
		this.#problem = this.#obstacle(error);
		if (error instanceof Problem && error.underWay) return 2;
		return error instanceof Problem && (error.status >= 500 || error.ofPlatform || this.#data !== undefined) ? 15 : null;
	}

	/**
	 * @param {unknown} error
	 * @returns {Obstacle}
	 */
	#obstacle(error) {
		if (error instanceof KeyNeeded) this.#events.keyNeeded(error.refused);
		else if (error instanceof SignInNeeded) this.#events.signInNeeded();
		else if (!(error instanceof Problem)) throw error;
		return error;
	}

	/**
	 * Does something for the user once, however often it is asked for before it is done. What kept it from being done,
	 * null for nothing.
	 * @param {string} name
	 * @param {() => Promise<void>} deed
	 * @returns {Promise<Obstacle | null>}
	 */
	act = async (name, deed) => {
		if (this.#busy.has(name)) return null;
		const view = this.#view;
		this.#busy.add(name);
		this.#refusal = null;
		this.#wrong = [];
		this.draw();
		try {
			await deed();
		} catch (error) {
			if (error instanceof Disconnected) {
				this.#refusal = new Problem(0, {});
				this.#events.disconnected();
				if (!this.#timer) this.#timer = setTimeout(this.refresh, 1000);
			} else if (view === this.#view) {
				this.#refusal = this.#obstacle(error);
				if (error instanceof Problem) this.#wrong = error.errors;
			}
		} finally {
			this.#busy.delete(name);
			this.draw();
			this.#showWrong();
		}
		return this.#refusal;
	};

	/**
	 * Says what is wrong with a form before it is sent.
	 * @param {FieldError[]} wrong
	 */
	#complain = (wrong) => {
		this.#wrong = wrong;
		this.#refusal = null;
		this.draw();
		this.#showWrong();
	};

	#showWrong() {
		const first = /** @type {HTMLElement | null} */ (this.#root.querySelector("[aria-invalid=true]"));
		first?.focus();
	}

	draw() {
		if (!this.#view) return;
		const context = this.#context();
		const ready = this.#data !== undefined;
		if (!ready && !this.#problem && !this.#slow) return;
		const body = ready ? this.#view.render(context) : this.#problem ? nothingToShow(this.#view.title(context)) : waiting();
		const fresh = h("div.screen", h("div.problems", this.#problemNote(), this.#refusalNote()), body);
		const anew = this.#fresh;
		if (anew || !this.#root.firstChild) this.#root.replaceChildren(fresh);
		else keepingFocus(this.#root, () => morph(this.#root.firstChild, fresh));
		this.#fresh = anew && !ready && !this.#problem;
		if (!this.#fresh) this.#root.removeAttribute("aria-busy");
		this.#events.drawn(anew && !this.#fresh);
	}

	#problemNote() {
		if (!this.#problem) return null;
		return problemNote(this.#problem, this.#enter(this.#problem) ?? [againButton(this.#problem, this.refresh), this.#data === undefined && this.#events.leave()]);
	}

	#refusalNote() {
		return this.#refusal && problemNote(this.#refusal, this.#enter(this.#refusal));
	}

	/**
	 * The button that asks again to come in, once its dialog was closed.
	 * @param {Obstacle} obstacle
	 */
	#enter(obstacle) {
		if (obstacle instanceof KeyNeeded) return button(t("key.enter"), () => this.#events.keyNeeded(obstacle.refused), { kind: "primary" });
		return obstacle instanceof SignInNeeded ? button(t("signIn.go"), this.#events.signInNeeded, { kind: "primary" }) : null;
	}

	#context() {
		return {
			params: this.#params,
			data: this.#data,
			/** @param {string} name */
			busy: (name) => this.#busy.has(name),
			act: this.act,
			wrong: this.#wrong,
			complain: this.#complain,
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

/**
 * What has moved to another place of the page, or is another element now, would lose the focus.
 * @param {HTMLElement} root
 * @param {() => void} change
 */
function keepingFocus(root, change) {
	const focused = /** @type {HTMLElement | null} */ (document.activeElement);
	const name = nameOf(focused);
	change();
	if (!focused?.isConnected || nameOf(focused) !== name) focusNamed(root, name);
	else if (focused !== document.activeElement) focused.focus({ preventScroll: true });
}

/** @param {Obstacle | null} obstacle */
const isLockedOut = (obstacle) => obstacle instanceof KeyNeeded || obstacle instanceof SignInNeeded;

/** @param {string} title */
function nothingToShow(title) {
	return h("h1.dialog-title", { tabindex: "-1" }, title);
}
