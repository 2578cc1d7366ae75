// CSV as RFC 4180 describes it.

/**
 * The cells of every record; a byte order mark at the start and an empty last line count for nothing.
 * @param {string} text
 * @returns {string[][]}
 */
export function parseCsv(text) {
	const records = [];
	const end = text.length;
	let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
	let record = [];
	while (at < end) {
		let cell;
		if (text[at] === '"') [cell, at] = quoted(text, at);
		else [cell, at] = plain(text, at);
		record.push(cell);
		if (text[at] === ",") {
			at += 1;
			if (at < end) continue;
			record.push("");
		}
		records.push(record);
		record = [];
		if (text[at] === "\r") at += 1;
		if (text[at] === "\n") at += 1;
	}
	return records;
}

const CELL_END = /[,\r\n]/g;

/**
 * @param {string} text
 * @param {number} start
 * @returns {[string, number]}
 */
function plain(text, start) {
	CELL_END.lastIndex = start;
	const end = CELL_END.exec(text)?.index ?? text.length;
	return [text.slice(start, end), end];
}

/**
 * @param {string} text
 * @param {number} start
 * @returns {[string, number]}
 */
function quoted(text, start) {
	let cell = "";
	let at = start + 1;
	for (;;) {
		const quote = text.indexOf('"', at);
		if (quote === -1) return [cell + text.slice(at), text.length];
		cell += text.slice(at, quote);
		if (text[quote + 1] !== '"') return [cell, quote + 1];
		cell += '"';
		at = quote + 2;
	}
}
