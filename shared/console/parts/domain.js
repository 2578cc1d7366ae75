import { t } from "../texts.js";

/**
 * How the tenant stands to a domain, in a word.
 * @param {Api.Domain} domain
 */
export function standing(domain) {
	if (domain.removed) return t("domains.removed");
	return domain.authenticationType ? t(`authentication.${domain.authenticationType}`) : t("domains.unknown");
}

/**
 * Whether the timer starts no sync until a person has: the map or the sign-in state has changed.
 * @param {Api.Domain} domain
 */
export const waits = (domain) => domain.periodicSync && domain.waitingForReview;

/**
 * What the timer does there: the end of the names of the texts that say it.
 * @param {Pick<Api.Domain, "periodicSync">} domain
 */
export const hourly = ({ periodicSync }) => (periodicSync === "watch" ? "watched" : periodicSync ? "on" : "off");

/**
 * Max Allowed Deletions, or that what is stored for it can't be read.
 * @param {Api.Domain} domain
 */
export function limitOf(domain) {
	return domain.unreadable?.length ? t("domains.unreadable") : t("domains.limit", { percent: domain.maxAllowedDeletions });
}
