// The calendar of a span: changes, conflicts with sentences, what is missing, and free hours.

import { ask, withQuery } from "../core/api.js";
import { el } from "../core/dom.js";

export const DAY = 86_400_000;
export const CATEGORIES = [["planned_maintenance", "Planned maintenance"], ["internal_system", "Internal system"], ["release", "Release"], ["firmware", "Firmware"], ["network", "Network"], ["firewall", "Firewall"], ["meter_data_management", "Meter data management"], ["tariff", "Tariff"], ["schedule", "Schedule"], ["migration", "Migration"], ["bcdr_test", "Disaster recovery test"], ["emergency", "Emergency"], ["other", "Other"]];
const NAMES = new Map(CATEGORIES);
export const categoryText = (name) => NAMES.get(name) || name.replaceAll("_", " ");

const OVER = new Set(["draft", "cancelled", "rolled_back"]);

export const startOf = (change) => Date.parse(change.actual_start || change.planned_start);
export const endOf = (change) => Date.parse(change.actual_end || change.planned_end);
export const counts = (change) => !OVER.has(change.status);

export function readCalendar(from, to, more = {}) {
  return ask(withQuery("/v1/calendar", { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...more }));
}

const LEVELS = { high: ["critical", "▲ high"], raised: ["warning", "◆ raised"], low: ["soft", "low"] };

/** The risk of a change as evidence: its level, its share, and the reasons on demand. */
export function riskCell(risk) {
  if (!risk) return "–";
  const [kind, text] = LEVELS[risk.level];
  return el("details", {}, el("summary", {}, el("span", { class: kind }, `${text}, ${Math.round(risk.score * 100)} %`)), el("ul", {}, ...risk.reasons.map((reason) => el("li", {}, reason))));
}

export const riskOf = (page, change) => page.risks.find((one) => one.owner === change.owner && one.change_id === change.change_id);

/** Hours of a span in which no change is planned: [{ from, to }], longest first. */
export function freeSlots(changes, from, to, leastMs = 3_600_000) {
  const busy = changes.filter(counts).map((one) => [startOf(one), endOf(one)]).sort((a, b) => a[0] - b[0]);
  const slots = [];
  let at = from;
  for (const [start, end] of [...busy, [to, to]]) {
    if (start - at >= leastMs) slots.push({ from: at, to: Math.min(start, to) });
    at = Math.max(at, end);
    if (at >= to) break;
  }
  return slots.sort((a, b) => b.to - b.from - (a.to - a.from));
}
