import { h } from "../dom.js";
import { t } from "../texts.js";
import { when } from "./marks.js";

/**
 * Until when, and why, the timer starts nothing there.
 * @param {Api.Domain} domain
 */
export const paused = ({ pausedUntil, pauseReason }) =>
	pausedUntil && h("p.warned", t("periodical.paused"), " ", when(pausedUntil), pauseReason && `: ${pauseReason}`);
