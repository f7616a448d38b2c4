// Sentences of the records as the page shows them: short where a card says the rest beside them, and with the queue's depth of now.

import { store } from "../core/store.js";
import { number, spanText } from "../core/words.js";

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

/** A sentence on a User's waiting messages with the newest depth and age, which a revision may have left behind. */
export function fresh(text, user) {
  if (!user || !text.includes(" messages wait")) return text;
  const name = user.replaceAll(".", "\\."), deepest = queueNow(user);
  const subject = new RegExp(`^(${name}: )[\\d,]+( messages wait(?: in ([\\w.-]+))?[^,.]* since [^,.]*)(, [\\d,.]+ more a second)?(, the oldest for [^,.]*)?`);
  const said = text.replace(subject, (whole, before, waiting, queue) => {
    const now = (queue && queueNow(user, queue)) || deepest;
    return now?.depth ? `${before}${number(now.depth)}${waiting}${now.oldest_age_s > LONG_S ? `, the oldest for ${spanText(now.oldest_age_s)}` : ""}` : whole;
  });
  return deepest?.depth ? said.replace(new RegExp(`[\\d,]+( messages wait for ${name})(?![\\w-]|\\.\\w)`), `${number(deepest.depth)}$1`) : said;
}
