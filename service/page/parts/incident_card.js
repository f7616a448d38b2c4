// An incident as a card: what is wrong, how bad, who suffers, what to do first, and what people did.

import { el } from "../core/dom.js";
import { store } from "../core/store.js";
import { clockText, number, plural, processText, spanText, timeText } from "../core/words.js";
import { allowed, doneText, isOpen } from "./actions.js";
import { fresh, queueNow, ratesNow, short } from "./live_text.js";
import { suspectLine, suspectList } from "./suspects.js";

const MARKS = { critical: "▲", warning: "◆", info: "●" };
const PHASES = { growing: "growing", holding: "holding", recovering: "recovering", tail: "almost over" };

export const severityOf = (incident) => incident.severity || (incident.category <= 2 ? "critical" : incident.category === 3 ? "warning" : "info");

export function severityChip(severity) {
  return el("span", { class: `chip ${severity}` }, el("span", { "aria-hidden": "true" }, `${MARKS[severity]} `), severity);
}

export const categoryChip = (category) => el("span", { class: `chip category-${category}`, title: "SEC Incident Category, proposed" }, `Category ${category}`);

export function phaseText(incident, now) {
  if (incident.status === "resolved") return `over since ${timeText(incident.ended_at || incident.resolved_at)}`;
  const phase = PHASES[incident.phase] || "open";
  return `${phase} · ${spanText((now - Date.parse(incident.opened_at)) / 1000)} old, since ${timeText(incident.opened_at)}${incident.ended_at ? `, trouble ended ${clockText(incident.ended_at)} UTC` : ""}`;
}

/** The newest word on a queue of the incident's origin; the record's own where there is none. */
export function liveDepth(incident) {
  if (!incident.kinds.includes("backlog") || !incident.origin_user) return null;
  const now = queueNow(incident.origin_user);
  if (now) return now;
  return incident.depth === null || incident.depth === undefined ? null : { depth: incident.depth, queue: "", at: incident.as_of };
}

/** The card's sentence. Of what is over it is the record's own. */
export const headlineOf = (incident) => (incident.status === "resolved" ? short(incident.summary) : fresh(short(incident.summary), incident.origin_user, incident.as_of));

function depthLine(incident) {
  const live = liveDepth(incident);
  if (!live || incident.status === "resolved") return null;
  return fact("Waiting now", el("strong", {}, number(live.depth)), ` messages${live.queue ? ` in ${live.queue}` : ""}, at ${clockText(live.at)} UTC`, incident.peak_depth > live.depth ? `; most ${number(incident.peak_depth)}` : "");
}

/** The origin's traffic of a storm now, while it is open. */
function rateLine(rate, index) {
  const due = rate.expected === null ? "" : `; ${number(rate.expected)} were expected`;
  return keyedFact(`Rate now ${index}`, "Rate now", el("strong", {}, number(rate.mean)), ` ${rate.what} a minute ${rate.scope}, at ${clockText(rate.at)} UTC${due}`);
}

/** A line of facts; each has its key, so that one that comes or goes leaves open what the reader opened in another. */
function keyedFact(key, label, ...content) {
  return [el("dt", { key: `${key} label` }, label), el("dd", { key }, ...content)];
}

const fact = (label, ...content) => keyedFact(label, label, ...content);

function affected(incident) {
  const names = incident.affected_users, others = incident.could_be_affected;
  if (!names.length) return null;
  const count = others ? `${number(names.length)} of ${number(others)} other Users` : plural(names.length, "other User");
  return fact("Affected", names.length <= 3 ? names.join(", ") : el("details", {}, el("summary", {}, count), el("p", { class: "names" }, names.join(", "))));
}

function processes(incident) {
  if (!incident.processes.length) return null;
  const missing = incident.missing || {};
  const labels = incident.processes.map((name) => {
    const lost = missing[name];
    return lost ? `${processText(name)} (${number(lost.messages)} messages missing, ${number(lost.low)} to ${number(lost.high)})` : processText(name);
  });
  return fact("Processes", labels.join(", "));
}

function facts(incident) {
  const threatened = incident.threatened_changes.map((one) => keyedFact(`At risk ${one.owner}/${one.change_id}`, "At risk", el("strong", {}, one.change_id), `. ${incident.status === "resolved" ? one.why : fresh(one.why, incident.origin_user, incident.as_of)}`));
  const contact = incident.contact ? fact("Contact", incident.contact) : null;
  return el("dl", { class: "facts", key: "facts" }, ...[depthLine(incident), ...ratesNow(incident).map(rateLine), affected(incident), processes(incident), ...threatened, contact].flat().filter(Boolean));
}

const doFirst = (incident) => (incident.next_step ? el("p", { class: "first", key: "first" }, el("span", { class: "soft" }, "Do first "), el("strong", {}, incident.next_step)) : null);

/** Merged into an incident that is over, while this one is not: it is on the list again. */
function leftBehind(incident, state) {
  if (!state?.merged_into || !isOpen(incident)) return null;
  return el("p", { class: "warning", key: "left" }, "Merged into ", el("a", { href: `/incident/${encodeURIComponent(state.merged_into)}` }, state.merged_into), ", which is over. This one is not.");
}

function mergedHere(incident) {
  const ids = store.mergedInto(incident.incident_id);
  return ids.length ? el("p", { class: "done" }, "Merged into this one: ", ...ids.flatMap((id, index) => [index ? ", " : "", el("a", { href: `/incident/${encodeURIComponent(id)}` }, id)]), ".") : null;
}

export function actionButtons(incident, state) {
  if (!store.mayAct) return null;
  const able = allowed(incident, state);
  const button = (one) => el("button", { key: one.key, class: one.primary ? "primary" : "", title: `Key: ${one.key}`, onclick: () => one.act(incident) }, one.text);
  const more = able.filter((one) => one.more);
  return el("div", { class: "actions", key: "actions" }, ...able.filter((one) => !one.more).map(button),
    more.length ? el("details", { class: "menu", key: "more" }, el("summary", { class: "button" }, "More"), el("div", { class: "menu-list" }, ...more.map(button))) : null);
}

export function chips(incident, state) {
  const severity = severityOf(incident);
  return el("div", { class: "chips" }, categoryChip(incident.category), severityChip(severity), ...incident.kinds.map((kind) => el("span", { class: "chip plain" }, kind)),
    state?.snoozed_until ? el("span", { class: "chip plain" }, `snoozed until ${clockText(state.snoozed_until)}`) : null,
    !state?.acknowledged && isOpen(incident) ? el("span", { class: "chip attention" }, "not acknowledged") : null);
}

/** What matters first stands first, also on a phone: who is at it, what to do, and the buttons for it. */
export function incidentBody(incident, state, now) {
  return [
    chips(incident, state),
    el("p", { class: "phase" }, phaseText(incident, now)),
    doneText(state).length ? el("p", { class: "done", key: "done" }, doneText(state).join(" · ")) : null,
    leftBehind(incident, state),
    doFirst(incident),
    actionButtons(incident, state),
    facts(incident),
    mergedHere(incident),
  ];
}

export function incidentCard(incident, state, now, selected) {
  const over = !isOpen(incident);
  const first = incident.suspects[0];
  const why = first ? el("details", { class: "why" }, el("summary", {}, suspectLine(first)), suspectList(incident, state)) : el("p", { class: "soft" }, "No change is suspected.");
  return el("article", { class: `card ${severityOf(incident)}${over ? " over" : ""}`, key: incident.incident_id, "data-id": incident.incident_id, "aria-current": selected ? "true" : null, tabindex: "-1" },
    el("h3", {}, el("a", { href: `/incident/${encodeURIComponent(incident.incident_id)}` }, headlineOf(incident))),
    ...incidentBody(incident, state, now), why);
}
