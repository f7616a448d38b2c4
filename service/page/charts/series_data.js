// Chart data from the monitor: rates, what was expected and a band of what is usual, queue depths.

import { ask, withQuery } from "../core/api.js";

const TRAFFIC = { to_dsp: "messages to the DSP", to_user: "messages to the User" };
const LATELY_MS = 900_000;
const iso = (at) => new Date(at).toISOString();

/** All traffic of a User in messages a minute: { at, mean, low, high, failures, expected, series }. */
export async function readTotals(user, from, to, more = {}, points = 500) {
  const found = await ask(withQuery("/v1/series/totals", { user, from: iso(from), to: iso(to), points, ...more }));
  const column = (name) => found.points.map((point) => point[found.columns.indexOf(name)]);
  const line = { at: column("at").map(Date.parse), low: column("low"), high: column("high"), mean: column("mean"), failures: column("failures"), expected: column("expected"), series: found.series };
  return withGaps(line, found.resolution_s * 1000);
}

/** The part of a User's traffic that an alert is about, said after "messages a minute": "in all" where it is no part. */
export function scopeText({ service, region }) {
  const parts = [service && `of service ${service}`, region && `in region ${region}`].filter(Boolean);
  return parts.join(" ") || "in all";
}

/** The newest minute of a User's traffic of an alert's direction, class, service and region: { user, at, mean, expected, what, scope }; null where nothing came lately. */
export async function readRate(alert, until) {
  if (!until) return null;
  const { direction, message_class, service, region } = alert.series;
  const line = await readTotals(alert.user, Date.parse(until) - LATELY_MS, Date.parse(until), { direction, message_class, service, region }, 30);
  const last = line.at.length - 1;
  return last < 0 ? null : { user: alert.user, scope: scopeText(alert.series), at: iso(line.at[last]), mean: line.mean[last], expected: line.expected[last], what: TRAFFIC[message_class || direction] || (message_class ? message_class.replaceAll("_", " ") + "s" : "messages") };
}

/** Queues of a User: [{ queue, at, low, high, last, age }], the deepest first. */
export async function readQueues(user, from, to, points = 500) {
  const found = await ask(withQuery("/v1/series", { user, kind: "queue", from: iso(from), to: iso(to), points, limit: 50 }));
  const lines = found.items.map((item) => withGaps({
    queue: item.series.queue,
    at: item.points.map((point) => Date.parse(point[0])), low: item.points.map((point) => point[1]), high: item.points.map((point) => point[2]),
    last: item.points.map((point) => point[4]), age: item.points.map((point) => point[5]),
  }, item.resolution_s * 1000));
  return lines.sort((a, b) => highest(b.high) - highest(a.high));
}

export const highest = (values) => values.reduce((most, value) => (value !== null && value > most ? value : most), 0);

/** A gap of more than two steps and a half is drawn as a gap. */
function withGaps(line, stepMs) {
  const at = [], columns = Object.fromEntries(Object.entries(line).filter(([name, value]) => Array.isArray(value) && name !== "at").map(([name]) => [name, []]));
  line.at.forEach((one, index) => {
    if (index && one - line.at[index - 1] > 2.5 * stepMs) {
      at.push(line.at[index - 1] + stepMs);
      for (const name of Object.keys(columns)) columns[name].push(null);
    }
    at.push(one);
    for (const name of Object.keys(columns)) columns[name].push(line[name][index]);
  });
  return { ...line, ...columns, at };
}

/**
 * A band around the expectation that held 98 % of the windows outside the trouble, in square-root scale; null without an expectation.
 * It says what is usual for these figures, not what the monitor's threshold is.
 */
export function usualBand(line, isTrouble) {
  const rests = [];
  line.at.forEach((at, index) => {
    const expected = line.expected[index], seen = line.mean[index];
    if (expected !== null && seen !== null && !isTrouble(at)) rests.push(Math.sqrt(seen) - Math.sqrt(expected));
  });
  if (rests.length < 30) return null;
  rests.sort((a, b) => a - b);
  const low = Math.min(0, rests[Math.floor(rests.length * 0.01)]), high = Math.max(0, rests[Math.ceil(rests.length * 0.99) - 1]);
  const edge = (rest) => line.expected.map((expected) => (expected === null ? null : Math.max(0, Math.sqrt(expected) + rest) ** 2));
  return { low: edge(low), high: edge(high), label: "usual (98 % of the windows outside the trouble)" };
}

/** The next `most` of `items`, which take turns; all of them where they are few. */
export function inTurn(items, place, most) {
  const first = items.length > most ? place % items.length : 0;
  return [...items, ...items].slice(first, first + Math.min(most, items.length));
}
