// The calendar of a span: changes, conflicts with sentences, what is missing, and the load that changes declare.

import { ask, withQuery } from "../core/api.js";

export const DAY = 86_400_000;
const OVER = new Set(["draft", "cancelled", "rolled_back"]);
/** Times the usual traffic: beyond it the monitor speaks of a collision of declared load. */
export const CAPACITY = 3;

export const startOf = (change) => Date.parse(change.actual_start || change.planned_start);
export const endOf = (change) => Date.parse(change.actual_end || change.planned_end);
export const counts = (change) => !OVER.has(change.status);

export function readCalendar(from, to, more = {}) {
  return ask(withQuery("/v1/calendar", { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...more }));
}

/** The highest declared load within [from, to): times the usual total, 1 without any rise. */
export function peakLoad(changes, from, to) {
  const rises = changes.filter((one) => counts(one) && one.expected?.effect === "up" && one.expected.factor > 1 && startOf(one) < to && endOf(one) > from);
  const edges = rises.map((one) => Math.max(from, startOf(one)));
  return Math.max(1, ...edges.map((at) => {
    const factors = new Map();
    for (const one of rises) if (startOf(one) <= at && endOf(one) > at) factors.set(one.owner, (factors.get(one.owner) || 1) * one.expected.factor);
    return 1 + [...factors.values()].reduce((sum, factor) => sum + factor - 1, 0);
  }));
}

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
