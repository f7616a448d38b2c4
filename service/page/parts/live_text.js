// Sentences of the records as the page shows them: short where a card says the rest beside them, and with the queue's depth of now.

import { store } from "../core/store.js";
import { clockText, number, spanText } from "../core/words.js";
import { alertIds } from "./actions.js";

const LONG_S = 300;
const BESIDE = [/ (Probable|Possible) cause: .*$/s, / No declared change explains it\./, / Also: [^.]*\./, / [\d,]+ other Users? (suffers?|ha(ve|s) suffered|suffered) \([^)]*\)\./, / This affect(s|ed) [^.]*\./];

/** The sentences that no other part of the card says. */
export function short(summary) {
  return BESIDE.reduce((text, part) => text.replace(part, ""), summary);
}

/** The newest report on a User's queue: the one named, else its deepest. */
export function queueNow(user, name = null) {
  const queues = (store.queues || []).filter((one) => one.user === user && (name === null || one.queue === name));
  return queues.sort((a, b) => b.depth - a.depth)[0] || null;
}

/** What the origin of an incident sends or receives now in each of its open storms, and what was expected, in messages a minute. */
export function ratesNow(incident) {
  if (incident.status === "resolved") return [];
  const rates = alertIds(incident, store.stateOf("incidents", incident.incident_id)).map((id) => store.rates.get(id)).filter((rate) => rate && rate.user === incident.origin_user);
  return [...new Map(rates.map((rate) => [`${rate.what} ${rate.scope}`, rate])).values()];
}

/** A storm's sentence with the time of its figures: they are those of the alert's own series, and a record's are not of now. */
function dated(text, user, asOf) {
  if (!text.startsWith(`${user}: `)) return text;
  return text.replace(/^([^:]+: [\d,]+ .+? (?:a second|a minute|an hour|in \d[^(]*?)) (since [^(]*?) \((normal: [^)]*)\)/, `$1 at ${clockText(asOf)} UTC ($2, $3)`);
}

/** The one queue that a count of a User's waiting messages is about: its only one, or one beside which the others are next to nothing. */
function onlyQueue(own) {
  const [deepest, ...others] = [...own].sort((a, b) => b.depth - a.depth);
  return deepest && others.reduce((sum, one) => sum + one.depth, 0) <= deepest.depth / 100 ? deepest : null;
}

/** A sentence of a record of `asOf` with the depth of now, where one queue is meant and its report is newer, or with the time of a storm's figures. */
export function fresh(text, user, asOf) {
  if (user && text.includes("(normal: ")) return dated(text, user, asOf);
  if (!user || !text.includes(" messages wait")) return text;
  const name = user.replaceAll(".", "\\."), own = (store.queues || []).filter((one) => one.user === user);
  const newer = (queue) => queue && Date.parse(queue.at) > Date.parse(asOf);
  // What was forecast from the old depth goes with it.
  const subject = new RegExp(`^(${name}: )[\\d,]+( messages wait in (.+?))(?: at [^,.()]*)?( since [^,.]*| \\(since [^)]*\\))(?:, [\\d,.]+ more a second)?(?:, the oldest for [^,.]*)?(?:\\. Queue (?:full|empty) [^.]*)?(?:\\. [\\d,]+ will expire, [^.]*)?\\.`);
  const now = text.replace(subject, (whole, before, waiting, queue, since) => {
    const live = own.find((one) => one.queue === queue);
    return newer(live) ? `${before}${number(live.depth)}${waiting}${since}${live.oldest_age_s > LONG_S ? `, the oldest for ${spanText(live.oldest_age_s)}` : ""}.` : whole;
  });
  const only = onlyQueue(own);
  return newer(only) ? now.replace(new RegExp(`[\\d,]+( messages wait for ${name})(?![\\w-]|\\.\\w)`), `${number(only.depth)}$1`) : now;
}
