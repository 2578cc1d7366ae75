// Elements made from plain values, and one tree made to look like another.
// Text always becomes a text node: nothing that comes from a directory can turn into markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "circle"]);

/**
 * h("button.quiet", { onclick: start, ".value": x, vars: { share: 3 } }, "Start"); h("p", "Just text")
 * `on…` and `.name` are set as properties, `vars` as CSS custom properties, everything else as attributes.
 * null, undefined and false leave an attribute or a child out.
 * @template {string} Kind
 * @param {Kind} kind
 * @param {...(Attributes | Child)} rest
 * @returns {Made<Kind>}
 */
export function h(kind, ...rest) {
	const [tag, ...classes] = kind.split(".");
	const attributes = /** @type {Attributes} */ (rest[0]?.constructor === Object ? rest.shift() : {});
	/** @type {any} */
	const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
	element.given = {};
	if (classes.length) element.setAttribute("class", classes.join(" "));
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false) continue;
		if (name === "vars") setVariables(element, attributes.vars ?? {});
		else if (name.startsWith("on")) give(element, name, value);
		else if (name.startsWith(".")) give(element, name.slice(1), value);
		else element.setAttribute(name, value === true ? "" : String(value));
	}
	element.append(.../** @type {any[]} */ (rest).flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

/**
 * @param {any} element
 * @param {string} name
 * @param {unknown} value
 */
function give(element, name, value) {
	element.given[name] = value;
	element[name] = value;
}

// The policy forbids style attributes; the style object is how a number reaches the style sheet.
/**
 * @param {Remembering} element
 * @param {Record<string, string | number>} variables
 */
function setVariables(element, variables) {
	element.variables = variables;
	for (const [name, value] of Object.entries(variables)) element.style.setProperty(`--${name}`, String(value));
}

/**
 * Makes `old` look like `fresh` in place, so that focus, scrolling and what was typed stay as they are.
 * @param {any} old
 * @param {any} fresh
 */
export function morph(old, fresh) {
	if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
		old.replaceWith(fresh);
	} else if (old.nodeType === Node.TEXT_NODE) {
		if (old.data !== fresh.data) old.data = fresh.data;
	} else {
		morphAttributes(old, fresh);
		// A custom element draws its inside itself.
		if (!old.nodeName.includes("-")) morphChildren(old, fresh);
	}
}

/**
 * @param {Remembering} old
 * @param {Remembering} fresh
 */
function morphAttributes(old, fresh) {
	for (const name of fresh.getAttributeNames()) {
		const value = fresh.getAttribute(name) ?? "";
		if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
	}
	for (const name of old.getAttributeNames()) {
		if (name !== "style" && name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
	}
	if (fresh.variables) setVariables(old, fresh.variables);
	for (const name of Object.keys(old.given ?? {})) if (!(name in (fresh.given ?? {}))) give(old, name, null);
	for (const [name, value] of Object.entries(fresh.given ?? {})) give(old, name, value);
}

/**
 * Matches children by key, the others in order and by kind: what comes or goes beside a field leaves the field as it is.
 * @param {Element} old
 * @param {Element} fresh
 */
function morphChildren(old, fresh) {
	const wanted = new Set([...fresh.children].map(keyOf).filter(Boolean));
	const keyed = new Map();
	for (const child of [...old.children]) {
		const key = keyOf(child);
		if (key && !wanted.has(key)) child.remove();
		else if (key) keyed.set(key, child);
	}
	let place = old.firstChild;
	for (const next of [...fresh.childNodes]) {
		const key = keyOf(next);
		const match = key ? keyed.get(key) : alike(next, place);
		if (!match) {
			old.insertBefore(next, place);
			continue;
		}
		if (key && match !== place) old.insertBefore(match, place);
		else place = passed(place, match);
		morph(match, next);
	}
	while (place) {
		const after = place.nextSibling;
		place.remove();
		place = after;
	}
}

/**
 * The first from `place` on that `next` is another state of.
 * @param {any} next
 * @param {any} place
 */
function alike(next, place) {
	for (let node = place; node; node = node.nextSibling) {
		if (!keyOf(node) && node.nodeName === next.nodeName && node.classList?.[0] === next.classList?.[0]) return node;
		if (next.nodeType === Node.TEXT_NODE) return null;
	}
	return null;
}

/**
 * What follows `match`; what stood before it without a key is gone.
 * @param {any} place
 * @param {any} match
 */
function passed(place, match) {
	let node = place;
	while (node !== match) {
		const after = node.nextSibling;
		if (!keyOf(node)) node.remove();
		node = after;
	}
	return match.nextSibling;
}

/**
 * @param {any} node
 * @returns {string | undefined}
 */
const keyOf = (node) => node.dataset?.key;

/**
 * What tells a button or field of one row from those of the others.
 * @param {Element | null} element
 */
export const nameOf = (element) => element?.getAttribute("aria-label") ?? null;

/**
 * @param {Element} root
 * @param {string | null} name
 */
export function focusNamed(root, name) {
	const found = /** @type {HTMLElement | null} */ (name && root.querySelector(`[aria-label="${CSS.escape(name)}"]`));
	found?.focus({ preventScroll: true });
}
