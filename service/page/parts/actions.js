// What the triage desk does with an incident: each by mouse and by key, shown at once to everyone.

import { ask, pathOf } from "../core/api.js";
import { askFor, attempt, say } from "../core/dialogs.js";
import { preferences } from "../core/preferences.js";
import { store } from "../core/store.js";
import { clockText, plural, timeText } from "../core/words.js";

const MOST_BOXES = 500;
const MOST_MERGES = 100;

const named = () => (preferences.name ? { name: preferences.name } : {});

async function send(incident, part, body, method = "POST") {
  const path = `${pathOf("/v1/incidents", incident.incident_id)}/${part}`;
  const answer = await ask(path, method, method === "DELETE" ? undefined : { ...body, ...named() });
  store.setState("incidents", incident.incident_id, answer.state);
}

const withNote = (body, values) => (values.note ? { ...body, note: values.note } : body);
const NOTE = { name: "note", label: "Note", type: "area" };

async function acknowledge(incident) {
  await attempt(async () => {
    await send(incident, "acknowledge", {});
    say("Acknowledged. Everyone sees it.");
  });
}

const unacknowledge = (incident) => attempt(() => send(incident, "acknowledge", {}, "DELETE"));

function snooze(incident) {
  const now = store.wallClock();
  const choices = [[30, "30 minutes"], [60, "1 hour"], [240, "4 hours"], [720, "12 hours"]].map(([minutes, text]) => [String(minutes), `${text} (until ${clockText(now + minutes * 60e3)} UTC)`]);
  const fields = [{ name: "minutes", label: "For", type: "select", options: choices, value: "60", required: true }, { name: "until", label: "Or until another time (your local time)", type: "datetime-local" }, NOTE];
  askFor("Snooze: it stays in the list and asks for no attention", fields, "Snooze", (values) => {
    const ends = values.until ? new Date(values.until).getTime() : now + Number(values.minutes) * 60e3;
    return send(incident, "snooze", withNote({ until: new Date(ends).toISOString().replace(/\.\d+Z/, "Z") }, values));
  });
}

function assign(incident) {
  const to = { name: "to", label: "To a person or a team", required: true, value: store.stateOf("incidents", incident.incident_id)?.assigned_to };
  askFor("Assign", [to, NOTE], "Assign", (values) => send(incident, "assign", withNote({ to: values.to }, values)));
}

function note(incident) {
  askFor("Note", [{ ...NOTE, label: "For the next shift and the post-mortem", required: true }], "Add note", (values) => send(incident, "notes", { note: values.note }));
}

function ticket(incident) {
  const reference = { name: "reference", label: "The service desk's reference", required: true, value: store.stateOf("incidents", incident.incident_id)?.ticket };
  askFor("Ticket", [reference], "Set ticket", (values) => send(incident, "ticket", { reference: values.reference }));
}

/** The other incidents on the list of open ones, as a choice: [id, text]. */
function otherOpen(incident) {
  const others = [...store.records.incident.values()].filter((one) => one.incident_id !== incident.incident_id && isOpen(one));
  return others.map((one) => [one.incident_id, `${one.incident_id}: ${one.summary.slice(0, 80)}`]);
}

function merge(incident) {
  const options = otherOpen(incident);
  if (!options.length) return say("There is no other open incident to merge into.", "fault");
  const fields = [{ name: "into", label: "The incident that goes on", type: "select", options, required: true }, NOTE];
  askFor("Merge into another incident", fields, "Merge", (values) => send(incident, "merge", withNote({ into: values.into }, values)));
}

const unmerge = (incident) => attempt(() => send(incident, "merge", {}, "DELETE"));

/** The incident's alerts as people left them: without those that were split off, with those that were added. */
export function alertIds(incident, state) {
  const gone = new Set(state?.alerts_split_off);
  return [...new Set([...incident.alert_ids, ...(state?.alerts_added || [])])].filter((id) => !gone.has(id));
}

async function split(incident) {
  const ids = alertIds(incident, store.stateOf("incidents", incident.incident_id));
  if (ids.length < 2) return say("This incident holds one alert: there is nothing to split off.", "fault");
  const alerts = await Promise.all(ids.slice(0, MOST_BOXES).map((id) => store.records.alert.get(id) || store.fetchOne("alert", id).catch(() => null)));
  const sorted = alerts.filter(Boolean).sort((a, b) => (a.user || "").localeCompare(b.user || "") || a.kind.localeCompare(b.kind));
  const boxes = sorted.map((one) => ({ name: `alert:${one.alert_id}`, label: `${one.user || "all"}: ${one.kind}, since ${timeText(one.onset_at)}`, type: "checkbox" }));
  const to = { name: "to", label: "To which incident", type: "select", options: [["", "None: they stay in the list of alerts"], ...otherOpen(incident)], value: "" };
  askFor("Split alerts off", [to, ...boxes, NOTE], "Split off", (values) => {
    const alert_ids = Object.keys(values).filter((name) => name.startsWith("alert:")).map((name) => name.slice(6));
    if (!alert_ids.length) throw new Error("choose at least one alert");
    return send(incident, "split", withNote({ alert_ids, to: values.to || null }, values));
  });
}

function close(incident) {
  const merged = store.mergedInto(incident.incident_id);
  const why = { ...NOTE, label: "Why, for the next shift", hint: merged.length ? `${merged.join(", ")} ${merged.length === 1 ? "is" : "are"} merged into it and will leave the list too.` : null };
  askFor("Close: it leaves the list of open incidents until somebody reopens it", [why], "Close incident", (values) => send(incident, "close", withNote({}, values)));
}

const reopen = (incident) => attempt(() => send(incident, "close", {}, "DELETE"));

export function judge(incident, suspect, verdict) {
  const name = suspect.change_id || `the undeclared change of ${suspect.owner}`;
  const title = verdict === "confirmed" ? `Confirm ${name} as the cause` : `Refute ${name} as the cause`;
  askFor(title, [{ ...NOTE, label: "What was found out" }], verdict === "confirmed" ? "Confirm" : "Refute", (values) =>
    send(incident, "suspects", withNote({ change_id: suspect.change_id, owner: suspect.owner, verdict }, values)));
}

const judgeFirst = (verdict) => (incident) => (incident.suspects.length ? judge(incident, incident.suspects[0], verdict) : say("No change is suspected.", "fault"));

/** Whether the monitor itself found that it is a part of another incident, whose card shows all of it. */
export function isPartOfAnother(incident) {
  return incident.summary.startsWith("Merged into ");
}

/** Whether it is on the list of open ones: neither over nor closed, and not merged into one that is there or was closed by people. */
export function isOpen(incident) {
  return open(incident, store.stateOf("incidents", incident.incident_id));
}

const open = (incident, state) => incident.status !== "resolved" && !state?.closed && !goesOnElsewhere(state);

/** Whether the incident into which it is merged speaks for it: that one is open, or people closed both. It does not once that one is over. */
function goesOnElsewhere(state) {
  let into = state?.merged_into;
  if (!into) return false;
  for (let further = store.stateOf("incidents", into)?.merged_into, left = MOST_MERGES; further && left; left--) [into, further] = [further, store.stateOf("incidents", further)?.merged_into];
  const target = store.records.incident.get(into);
  return Boolean(store.stateOf("incidents", into)?.closed) || Boolean(target && target.status !== "resolved");
}

const hasSuspect = (incident) => incident.suspects.length > 0;

/** In the order of the buttons; those without `when` are always there. */
export const ACTIONS = [
  { key: "a", text: "Acknowledge", act: acknowledge, when: (incident, state) => open(incident, state) && !state?.acknowledged, primary: true },
  { key: "u", text: "Take acknowledgement back", act: unacknowledge, when: (incident, state) => open(incident, state) && Boolean(state?.acknowledged), more: true },
  { key: "z", text: "Snooze", act: snooze, when: open },
  { key: "i", text: "Assign", act: assign },
  { key: "n", text: "Note", act: note },
  { key: "t", text: "Ticket", act: ticket },
  { key: "c", text: "Confirm suspect", act: judgeFirst("confirmed"), when: hasSuspect, more: true },
  { key: "r", text: "Refute suspect", act: judgeFirst("refuted"), when: hasSuspect, more: true },
  { key: "m", text: "Merge", act: merge, when: open, more: true },
  { key: "p", text: "Split", act: split, more: true },
  { key: "M", text: "Take merge back", act: unmerge, when: (incident, state) => Boolean(state?.merged_into) },
  { key: "x", text: "Close", act: close, when: open, more: true },
  { key: "o", text: "Reopen", act: reopen, when: (incident, state) => Boolean(state?.closed) },
];

export const allowed = (incident, state) => ACTIONS.filter((action) => !action.when || action.when(incident, state));

/** What people did, in short sentences. */
export function doneText(state) {
  if (!state) return [];
  const facts = [];
  if (state.merged_into) facts.push(`Merged into ${state.merged_into}`);
  if (state.closed) facts.push(`Closed by ${state.closed.by} at ${timeText(state.closed.at)}`);
  if (state.acknowledged) facts.push(`Acknowledged by ${state.acknowledged.by} at ${timeText(state.acknowledged.at)}`);
  if (state.assigned_to) facts.push(`Assigned to ${state.assigned_to}`);
  if (state.ticket) facts.push(`Ticket ${state.ticket}`);
  if (state.snoozed_until) facts.push(`Snoozed until ${timeText(state.snoozed_until)}`);
  for (const one of state.suspects || []) facts.push(`${one.change_id || `Undeclared change of ${one.owner}`} ${one.verdict} by ${one.by}`);
  if (state.alerts_split_off?.length) facts.push(`${plural(state.alerts_split_off.length, "alert")} split off`);
  if (state.alerts_added?.length) facts.push(`${plural(state.alerts_added.length, "alert")} added`);
  for (const one of state.silences || []) facts.push(`Silenced in Alertmanager by ${one.by} until ${timeText(one.until)}`);
  if (state.notes?.length) facts.push(plural(state.notes.length, "note"));
  return facts;
}
