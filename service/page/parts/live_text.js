// Sentences of the records as the page shows them: short where a card says the rest beside them, and with the queue's depth of now.

import { store } from "../core/store.js";
import { clockText, number, spanText } from "../core/words.js";

const LONG_S = 300;
const BESIDE = [/ (Probable|Possible) cause: .*$/s, / No declared change explains it\./, / Also: [^.]*\./, / [\d,]+ other Users? suffers? \([^)]*\)\./, / This affects [^.]*\./];

/** The sentences that no other part of the card says. */
export function short(summary) {
  return BESIDE.reduce((text, part) => text.replace(part, ""), summary);
}

/** The newest report on a User's queue: the one named, else its deepest. */
export function queueNow(user, name = null) {
  const queues = (store.queues || []).filter((one) => one.user === user && (name === null || one.queue === name));
  return queues.sort((a, b) => b.depth - a.depth)[0] || null;
}

/** What a User's open storm carries now, and what was expected, in messages a minute: { at, mean, expected }. */
export const rateNow = (user) => store.rates?.get(user) || null;

/** A storm's sentence with the rate of now; its numbers are all of the alert's series, as in the chart. */
function freshRate(text, user, asOf) {
  const rate = rateNow(user);
  if (!rate || rate.expected === null || !text.startsWith(`${user}: `) || Date.parse(rate.at) <= Date.parse(asOf)) return text;
  const count = /^([^:]+: )[\d,]+ (.+?) (?:a second|a minute|an hour|in \d[^(]*?) (since [^(]*?) \(normal: [^)]*\)/;
  return text.replace(count, (_, whose, what, since) => `${whose}${number(rate.mean)} ${what} a minute at ${clockText(rate.at)} UTC (${since}, normal: ${number(rate.expected)})`);
}

/** A sentence of a record of `asOf` with the depth or the rate of now, where one queue is meant and its report is newer. */
export function fresh(text, user, asOf) {
  if (user && text.includes("(normal: ")) return freshRate(text, user, asOf);
  if (!user || !text.includes(" messages wait")) return text;
  const name = user.replaceAll(".", "\\."), own = (store.queues || []).filter((one) => one.user === user);
  const newer = (queue) => queue && Date.parse(queue.at) > Date.parse(asOf);
  // What was forecast from the old depth goes with it.
  const subject = new RegExp(`^(${name}: )[\\d,]+( messages wait in (.+?))(?: at [^,.()]*)?( since [^,.]*| \\(since [^)]*\\))(?:, [\\d,.]+ more a second)?(?:, the oldest for [^,.]*)?(?:\\. Queue (?:full|empty) [^.]*)?(?:\\. [\\d,]+ will expire, [^.]*)?\\.`);
  const now = text.replace(subject, (whole, before, waiting, queue, since) => {
    const live = own.find((one) => one.queue === queue);
    return newer(live) ? `${before}${number(live.depth)}${waiting}${since}${live.oldest_age_s > LONG_S ? `, the oldest for ${spanText(live.oldest_age_s)}` : ""}.` : whole;
  });
  const only = own.length === 1 ? own[0] : null;
  return newer(only) ? now.replace(new RegExp(`[\\d,]+( messages wait for ${name})(?![\\w-]|\\.\\w)`), `${number(only.depth)}$1`) : now;
}
