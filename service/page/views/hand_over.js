// Hand-over: what the next shift must know, as a list to read and as a text to edit, copy and print.

import { ask, withQuery } from "../core/api.js";
import { attempt, copyText, say, unread } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { onPreference } from "../core/preferences.js";
import { store } from "../core/store.js";
import { plainTimes, plural, time, timeText } from "../core/words.js";
import { readCalendar } from "../parts/calendar_data.js";
import { headlineOf } from "../parts/incident_card.js";
import { suspectLine } from "../parts/suspects.js";

const SHIFTS = [["4", "4 hours"], ["8", "8 hours"], ["12", "12 hours"], ["24", "24 hours"]];
const HOUR = 3_600_000;
const SOON_MS = 1500;

export function handOverView(root) {
  const view = new HandOver(root);
  return { leave: () => view.leave() };
}

class HandOver {
  constructor(root) {
    this.hours = "8";
    this.touched = false;
    this.text = el("textarea", { class: "preformatted", "aria-label": "Hand-over as text", rows: "18", oninput: () => { this.touched = true; this.fill(); } });
    this.printed = el("pre", { class: "print-only" });
    this.parts = el("div", { class: "no-print" });
    const select = el("select", { "aria-label": "Since", onchange: (event) => { this.hours = event.target.value; this.read(); } }, ...SHIFTS.map(([value, text]) => el("option", { value, selected: value === this.hours }, `last ${text}`)));
    root.append(
      el("div", { class: "view-head" }, el("h1", {}, "Hand-over"), el("div", { class: "tools no-print" }, select, el("button", { onclick: () => print() }, "Print"))),
      this.parts,
      el("section", { class: "panel" }, el("h2", { class: "no-print" }, "As a text"), el("p", { class: "soft no-print" }, "Edit it before you send or print it; nothing here is sent by itself."), this.text, this.printed,
        el("div", { class: "buttons no-print" }, el("button", { class: "quiet", onclick: () => this.again() }, "Start again from the records"), el("button", { class: "primary", onclick: () => copyText(this.text) }, "Copy"))));
    this.unprefer = onPreference(() => this.found && this.draw());
    this.unlisten = store.listen((kinds) => ["incident", "state", "change"].some((kind) => kinds.has(kind)) && this.readSoon());
    this.read();
  }

  leave() {
    this.unprefer();
    this.unlisten();
    clearTimeout(this.soon);
  }

  /** What the desk does meanwhile appears here too; a text that somebody edits stays as it is. */
  readSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.read(), SOON_MS);
  }

  again() {
    this.touched = false;
    this.read();
  }

  async read() {
    const since = new Date(Math.floor((Date.now() - Number(this.hours) * HOUR) / 60e3) * 60e3).toISOString().replace(".000", "");
    const now = store.now();
    const [found, calendar] = await Promise.all([ask(withQuery("/v1/handover", { since })).catch((fault) => ({ fault })), attempt(() => readCalendar(now, now + 12 * HOUR))]);
    if (found.fault && this.found) return say(found.fault.message, "fault");
    if (found.fault) return render(this.parts, unread(found.fault, () => this.read()));
    Object.assign(this, { found, calendar });
    this.draw();
  }

  draw() {
    const { found, calendar } = this;
    const panel = (id, title, items, empty) => el("section", { class: "panel", key: id, "aria-labelledby": id }, el("h2", { id }, title), items.length ? el("ul", {}, ...items) : el("p", { class: "soft" }, empty));
    const line = ({ incident, triage }) => el("li", { key: incident.incident_id }, el("a", { href: `/incident/${encodeURIComponent(incident.incident_id)}` }, headlineOf(incident)), el("br"), el("span", { class: "done" }, `${this.stateText(triage)}.`), incident.suspects.length ? [" ", suspectLine(incident.suspects[0]), "."] : "", incident.threatened_changes.length ? ` At risk: ${incident.threatened_changes.map((one) => one.change_id).join(", ")}.` : "", incident.next_step ? ` Next step: ${incident.next_step}` : "");
    const open = found.open_incidents.filter((one) => one.standing !== "closed").map(line), closed = found.open_incidents.filter((one) => one.standing === "closed").map(line);
    const over = (found.incidents_over || []).map((one) => el("li", { key: one.incident_id }, el("a", { href: `/incident/${encodeURIComponent(one.incident_id)}` }, headlineOf(one)), ` Opened ${timeText(one.opened_at)}, over since ${timeText(one.ended_at || one.resolved_at)}.`));
    const loose = found.unacknowledged_alerts, groups = new Map();
    const summaries = new Map(found.open_incidents.map(({ incident }) => [incident.incident_id, headlineOf(incident)]));
    for (const alert of loose) groups.set(alert.incident_id, [...(groups.get(alert.incident_id) || []), alert]);
    const alerts = [...groups].map(([incident, list]) => el("li", { key: incident }, `${plural(list.length, "alert")}, ${[...new Set(list.map((one) => one.kind))].join(", ")}: `, el("a", { href: `/incident/${encodeURIComponent(incident)}` }, summaries.get(incident) || list[0].summary)));
    const acts = this.grouped(found.actions).map((one, index) => el("li", { key: index }, time(one.at), ` ${one.by}: ${one.action.replaceAll("_", " ")}${one.count > 1 ? ` (${one.count} times)` : ""}${one.note ? `: ${one.note}` : ""}`));
    const ahead = found.changes_ahead.map((one) => el("li", { key: `${one.owner}/${one.change_id}` }, time(one.from), " to ", time(one.to), `: ${one.title} (${one.owner}, ${one.change_id})`));
    const conflicts = (calendar?.conflicts || []).map((one, index) => el("li", { key: index, class: "warning" }, plainTimes(one.text)));
    render(this.parts, panel("open", `Open incidents (${open.length})`, open, "None."), closed.length ? panel("closed", `Closed by the desk, and not over yet (${closed.length})`, closed, "") : null, panel("loose", `Alerts that nobody acknowledged (${loose.length})`, alerts, "None."), panel("over", `Incidents that ended since (${found.more_are_over ? "the newest " : ""}${over.length})`, over, "None."), panel("acts", `Done since ${timeText(found.since)}`, acts, "Nothing."), panel("ahead", "Changes of the next twelve hours, and their conflicts", [...ahead, ...conflicts], "None."));
    if (!this.touched) this.text.value = plainTimes(found.text) + this.conflictText();
    this.fill();
  }

  conflictText() {
    const conflicts = this.calendar?.conflicts || [];
    return conflicts.length ? `\n## Conflicts of these changes\n${conflicts.map((one) => `- ${plainTimes(one.text)}\n`).join("")}` : "";
  }

  stateText(state) {
    if (!state) return "Nobody acknowledged it";
    return [state.closed ? `Closed by ${state.closed.by}` : null, state.merged_into ? `Merged into ${state.merged_into}` : null, state.acknowledged ? `Acknowledged by ${state.acknowledged.by}` : "Nobody acknowledged it", state.assigned_to ? `assigned to ${state.assigned_to}` : null, state.ticket ? `ticket ${state.ticket}` : null, state.snoozed_until ? `snoozed until ${timeText(state.snoozed_until)}` : null].filter(Boolean).join(", ");
  }

  grouped(actions) {
    const found = [];
    for (const one of actions) {
      const last = found[found.length - 1];
      if (last && last.by === one.by && last.action === one.action && (last.note || "") === (one.note || "")) last.count += 1;
      else found.push({ ...one, count: 1 });
    }
    return found.slice(-100);
  }

  /** A text area prints only what is in view; this prints all of it, as it was edited. */
  fill() {
    this.printed.textContent = this.text.value;
  }
}
