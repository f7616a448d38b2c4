// The story: what the machine saw and what people did, in one timeline; what the machine says within ten minutes is one group.

import { el } from "../core/dom.js";
import { time, timeText } from "../core/words.js";

const GROUP_MS = 600_000;
const VERBS = {
  acknowledge: "acknowledged it", unacknowledge: "took the acknowledgement back", snooze: "snoozed it", assign: "assigned it", ticket: "set the ticket", note: "wrote",
  judge: "judged a suspect", merge: "merged it", unmerge: "took the merge back", split: "split alerts off", add_alerts: "added alerts", close: "closed it", reopen: "reopened it",
  escalate: "escalated it", silence: "silenced it in Alertmanager", unsilence: "ended a silence in Alertmanager", post_mortem: "saved the post-mortem",
};

function detailText(one) {
  const facts = [one.to && `to ${one.to}`, one.reference, one.until && `until ${timeText(one.until)}`, one.into && `into ${one.into}`, one.verdict && `${one.change_id || one.owner}: ${one.verdict}`, one.note];
  return facts.filter(Boolean).join(". ");
}

function entries(incident, actions) {
  const seen = incident.timeline.map((entry) => ({ at: Date.parse(entry.at), text: entry.text }));
  const done = actions.map((one) => ({ at: Date.parse(one.at), text: `${one.by} ${VERBS[one.action] || one.action}${detailText(one) ? `: ${detailText(one)}` : ""}`, ids: new Set([one.id]) }));
  return { seen: seen.sort((a, b) => a.at - b.at), done: joined(done.sort((a, b) => a.at - b.at)) };
}

/** The same act on many alerts within ten minutes is one line. */
function joined(done) {
  const found = [];
  for (const entry of done) {
    const same = found.find((one) => one.text === entry.text && entry.at - one.at < GROUP_MS);
    if (same) for (const id of entry.ids) same.ids.add(id);
    else found.push(entry);
  }
  return found.map((one) => ({ ...one, text: one.ids.size > 1 ? `${one.text} (${one.ids.size} alerts)` : one.text }));
}

function grouped(seen) {
  const groups = [];
  for (const entry of seen) {
    const last = groups[groups.length - 1];
    if (last && entry.at - last[0].at < GROUP_MS) last.push(entry);
    else groups.push([entry]);
  }
  return groups;
}

function groupItem(group) {
  const [first, ...more] = group;
  const rest = more.length ? el("details", {}, el("summary", {}, `${more.length} more until`, " ", time(more[more.length - 1].at, { day: false })), el("ul", {}, ...more.map((entry) => el("li", {}, time(entry.at, { day: false }), ` ${entry.text}`)))) : null;
  return el("li", { key: `machine-${first.at}` }, time(first.at), first.text, rest);
}

/** In a replay or a simulated day people act in another time than the records: then they stand apart. */
export function storyList(incident, actions) {
  const { seen, done } = entries(incident, actions);
  const machine = grouped(seen).map((group) => [group[0].at, groupItem(group)]);
  const people = done.map((entry, index) => [entry.at, el("li", { class: "person", key: `person-${index}` }, time(entry.at), entry.text)]);
  if (!machine.length && !people.length) return el("p", { class: "soft" }, "Nothing yet.");
  return el("ol", { class: "timeline" }, ...[...machine, ...people].sort((a, b) => a[0] - b[0]).map(([, item]) => item));
}
