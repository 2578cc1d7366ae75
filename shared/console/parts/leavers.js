// What a domain sets for its leavers, in words.

import { number, t } from "../texts.js";

/** @param {Api.LeaverTerms} terms */
export function leaversText({ block, deleteAfterDays }) {
	const then = deleteAfterDays === null ? t("settings.leaversKept") : deleteAfterDays ? t("settings.leaversAfter", { n: deleteAfterDays, days: number(deleteAfterDays) }) : t("settings.leaversAtOnce");
	return block ? t("settings.leaversFirst", { then }) : then;
}
