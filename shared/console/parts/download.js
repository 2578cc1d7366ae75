// The audit log as a file: a link that the app makes when asked, good for an hour at most.

import { auditLogLink } from "../api.js";
import { h } from "../dom.js";
import { bytes, moment, t } from "../texts.js";
import { button, muted, when } from "./marks.js";

/**
 * @param {Api.Run} run
 * @param {AnyContext} context
 * @param {string} [kind]
 */
export function downloadButton(run, { act, busy }, kind = "link") {
	const name = `download ${run.id}`;
	const download = () =>
		act(name, async () => {
			const { url } = await auditLogLink(run);
			// The storage service answers as an attachment, so the page stays where it is.
			h("a", { href: url, rel: "noreferrer" }).click();
		});
	return button(t("audit.download"), download, {
		kind,
		disabled: busy(name),
		shape: "download",
		title: t("audit.until", { time: moment(expiry(run)) }),
		name: t("audit.downloadOf", { time: moment(run.createdAt) }),
	});
}

/**
 * How large the log is and when it is gone.
 * @param {Api.Run} run
 */
export function logFacts(run) {
	return muted(`CSV, ${bytes(run.auditLog.sizeBytes)} · `, t("audit.expires"), " ", when(expiry(run)));
}

/**
 * When a log that can be had is gone.
 * @param {Api.Run} run
 */
export const expiry = (run) => /** @type {string} */ (run.auditLog.expiresAt);
