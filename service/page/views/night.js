// A night: lanes per owner from noon to noon, conflicts drawn as connections with a sentence, and free slots.

import { el, render } from "../core/dom.js";
import { ask, pathOf } from "../core/api.js";
import { askFor, attempt, say, showDialog, unread } from "../core/dialogs.js";
import { onPreference } from "../core/preferences.js";
import { store } from "../core/store.js";
import { clockText, dayText, percent, plainTimes, plural, spanText, time } from "../core/words.js";
import { NightLanes } from "../charts/night_lanes.js";
import { TimeAxis } from "../charts/time_axis.js";
import { changeRows } from "../charts/lanes.js";
import { table } from "../parts/alert_table.js";
import { DAY, freeSlots, readCalendar, riskCell, riskOf } from "../parts/calendar_data.js";

const MOST_LANES = 60;
const DISRUPTIONS = { none: "no disruption", risk: "may disrupt", outage: "outage" };
const EFFECTS = { up: "more traffic", down: "less traffic", silent: "no traffic" };

function effectText({ expected, disruption }) {
  if (!expected) return DISRUPTIONS[disruption] || "–";
  const times = expected.factor ? (expected.effect === "up" ? `up to ${expected.factor} times the usual traffic` : `${percent(expected.factor)} of the usual traffic`) : "";
  return expected.effect !== "silent" && times ? times : EFFECTS[expected.effect];
}

export function nightView(root, { day }) {
  const start = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== day) {
    root.append(el("h1", {}, "There is no such day"), el("p", { class: "empty" }, el("a", { href: "/calendar" }, "Choose one in the calendar.")));
    return {};
  }
  const view = new Night(root, start);
  return { leave: () => view.leave() };
}

class Night {
  constructor(root, start) {
    this.axis = new TimeAxis(start, start + DAY * 1.5);
    this.start = start;
    this.lanes = new NightLanes(this.axis, { title: "Lanes by owner", label: "Changes as lanes by owner; conflicts are connected" });
    this.more = el("div", {});
    this.all = false;
    this.conflicts = el("div", {});
    this.slots = el("div", {});
    this.list = el("div", {});
    const near = (by) => `/calendar/${new Date(start + by * DAY).toISOString().slice(0, 10)}`;
    root.append(
      el("div", { class: "view-head" }, el("div", {}, el("p", { class: "soft" }, el("a", { href: `/calendar?month=${new Date(start).toISOString().slice(0, 7)}` }, "Calendar"), " ›"), el("h1", {}, `${dayText(start)} and the night after`)),
        el("div", { class: "tools" }, el("a", { class: "button", href: near(-1), "aria-label": "Day before" }, "‹"), el("a", { class: "button", href: near(1), "aria-label": "Day after" }, "›"))),
      el("section", { class: "panel" }, this.lanes.node, this.more), el("section", { class: "panel" }, el("h2", {}, "Conflicts"), this.conflicts), el("section", { class: "panel" }, el("h2", {}, "Free slots"), this.slots), el("section", { class: "panel" }, el("h2", {}, "Changes"), this.list));
    this.unlisten = store.listen((kinds) => kinds.has("change") && this.read());
    this.unprefer = onPreference(() => this.draw());
    this.read();
  }

  leave() {
    this.unlisten();
    this.unprefer();
    this.lanes.leave();
  }

  async read() {
    try {
      this.page = await readCalendar(this.start, this.axis.to, { limit: 1000 });
    } catch (fault) {
      return render(this.more, unread(fault, () => this.read()));
    }
    this.draw();
  }

  draw() {
    if (!this.page) return;
    const { items, conflicts } = this.page;
    const now = store.now(), marks = now > this.axis.from && now < this.axis.to ? [{ at: now, text: "now", colour: "good" }] : [];
    const planned = items.filter((one) => one.status !== "cancelled"), shown = this.all ? planned : this.foremost(planned, conflicts);
    this.lanes.connect(conflicts);
    this.lanes.set(changeRows(shown), marks, items.length ? "Hatched: planned. Solid: as it was. Violet outline: disaster recovery test. Red line: conflict." : "No change is declared for this night.");
    render(this.more, planned.length > MOST_LANES ? el("p", {}, this.all ? `All ${planned.length} changes. ` : `${shown.length} of ${planned.length} changes, those with conflicts first. `, el("button", { class: "small", onclick: () => { this.all = !this.all; this.draw(); } }, this.all ? "Show fewer" : "Show all")) : "");
    render(this.conflicts, ...(conflicts.length ? conflicts.slice(0, 50).map((one, index) => el("p", { class: "conflict", key: index }, plainTimes(one.text))) : [el("p", { class: "soft" }, "No conflict.")]));
    const slots = freeSlots(items, this.start + DAY * 0.75, this.start + DAY * 1.25);
    render(this.slots, slots.length ? el("ul", {}, ...slots.slice(0, 5).map((slot) => el("li", {}, `${clockText(slot.from)} to ${clockText(slot.to)} UTC (${spanText((slot.to - slot.from) / 1000)}): no change is planned`))) : el("p", { class: "soft" }, "Between 18:00 and 06:00 UTC some change is always planned."));
    const rows = items.slice(0, 300).map((one) => el("tr", { key: `${one.owner}/${one.change_id}` }, el("td", {}, time(one.actual_start || one.planned_start), el("br"), time(one.actual_end || one.planned_end)), el("td", {}, el("strong", {}, one.change_id), el("br"), one.title), el("td", {}, one.owner), el("td", {}, one.status.replaceAll("_", " ")), el("td", {}, effectText(one)), el("td", {}, riskCell(riskOf(this.page, one))), el("td", {}, one.source === "dcc" ? this.replyButtons(one) : null)));
    render(this.list, items.length ? table(["Time", "Change", "Owner", "State", "Declared effect", "Risk of harm", "Replies"], rows, plural(items.length, "change")) : el("p", { class: "empty" }, "No change is declared. ", el("a", { href: "/declare" }, "Declare one.")));
  }

  /** Where a night holds too many changes for one picture: those in conflicts, and disaster recovery tests, before the others. */
  foremost(planned, conflicts) {
    const meeting = new Set(conflicts.flatMap((one) => one.changes));
    const weight = (one) => (meeting.has(`${one.owner}/${one.change_id}`) || one.category === "bcdr_test" ? 0 : 1);
    const kept = new Set([...planned].sort((a, b) => weight(a) - weight(b)).slice(0, MOST_LANES));
    return planned.filter((one) => kept.has(one));
  }

  replyButtons(change) {
    const path = pathOf("/v1/change-replies", change.owner, change.change_id);
    return el("div", { class: "tools" }, el("button", { onclick: () => this.replies(path, change) }, store.isUser ? "Your replies" : "Replies"), store.isUser || store.mayAct ? el("button", { onclick: () => this.reply(path, change) }, "Reply") : null);
  }

  async replies(path, change) {
    const found = await attempt(() => ask(path));
    if (!found) return;
    const rows = found.items.map((one, index) => el("tr", { key: index }, el("td", {}, time(one.at)), el("td", {}, one.user || one.by), el("td", {}, one.kind), el("td", {}, one.text)));
    showDialog(`Replies to ${change.change_id}`, [rows.length ? table(["At", "Who", "Kind", "What"], rows, "Replies") : el("p", { class: "empty" }, "Nobody has replied yet.")]);
  }

  reply(path, change) {
    const kinds = [["consultation", "Reply to the consultation"], ["testing", "Sign up for testing"]];
    const fields = [{ name: "kind", label: "Kind", type: "select", options: kinds, value: "consultation", required: true }, { name: "text", label: "What the DCC's desk shall know", type: "area", required: true }];
    if (!store.isUser) fields.push({ name: "user", label: "User whose reply this is", hint: "Empty: the desk's own note." });
    askFor(`Reply to ${change.change_id}`, fields, "Keep", async (values) => {
      await ask(path, "POST", { kind: values.kind, text: values.text, user: values.user || null });
      say("Kept with date and name. Other Users do not read it.");
    });
  }
}
