// An incident's figures on one time axis: rate with its usual band and failures, queue depth, changes, and who suffered when.

import { Lanes, changeRows } from "../charts/lanes.js";
import { readQueues, readTotals, usualBand, highest } from "../charts/series_data.js";
import { TimeAxis, zoomTools } from "../charts/time_axis.js";
import { TimeChart } from "../charts/time_chart.js";
import { attempt } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { store } from "../core/store.js";
import { instant, listText, number, timeText } from "../core/words.js";
import { CONTROL_COLOURS, readControls } from "./controls.js";

const HOUR = 3_600_000;
const MOST_CHANGES = 16;
const FEW_USERS = 14;

export class IncidentFigures {
  constructor() {
    this.user = null;
    this.direction = null;
    this.tools = el("div", { class: "tools" });
    this.body = el("div", {});
    this.node = el("div", {}, this.tools, this.body);
  }

  leave() {
    for (const figure of this.figures || []) figure.leave();
  }

  async show(incident, state, alerts, changes) {
    Object.assign(this, { incident, state, alerts, changes });
    const end = instant(incident.ended_at || incident.resolved_at) || store.seenUntil();
    const start = Math.min(Date.parse(incident.opened_at), ...alerts.map((one) => Date.parse(one.onset_at)));
    const room = Math.max(HOUR, (end - start) * 0.35), until = Math.min(store.seenUntil(), end + room);
    if (!this.axis) this.begin(start - room, Math.max(until, end) + this.ahead(room));
    else this.axis.extend(until);
    this.drawTools();
    await this.read();
    this.drawAll();
  }

  /** Room for what is to come: until the queue is full or empty, at most six hours. */
  ahead(room) {
    if (this.incident.status === "resolved") return 0;
    const evidence = this.alerts.find((one) => one.kind === "backlog" && one.status !== "resolved")?.evidence || {};
    const eta = evidence.capacity_eta_high_s || evidence.capacity_eta_s || evidence.drain_eta_s || 0;
    return Math.max(room * 0.2, Math.min(6 * HOUR, eta * 1000));
  }

  begin(from, to) {
    this.axis = new TimeAxis(from, to);
    this.rate = new TimeChart(this.axis, { title: "Messages a minute", unit: "a minute" });
    this.queue = new TimeChart(this.axis, { title: "Queue depth", unit: "messages waiting", height: 190 });
    this.lanes = new Lanes(this.axis, { title: "Changes", label: "Changes as lanes: planned hatched, actual solid, suspects outlined" });
    this.strip = new Lanes(this.axis, { title: "Who suffered when", row: 18 });
    this.stripMore = el("div", { class: "no-print" });
    this.control = new TimeChart(this.axis, { title: "Against Users without trouble", unit: "% of what was expected", height: 180 });
    this.control.node.hidden = true;
    this.figures = [this.rate, this.queue, this.lanes, this.strip, this.control];
    this.body.replaceChildren(this.rate.node, this.control.node, this.queue.node, this.lanes.node, this.strip.node, this.stripMore);
    this.axis.listen(() => this.zoomed());
    this.user = this.incident.origin_user || this.alerts[0]?.user || this.incident.affected_users[0];
    this.direction = this.likelyDirection();
  }

  likelyDirection() {
    const own = this.alerts.filter((one) => one.user === this.user && one.series.direction);
    const storm = own.find((one) => ["storm", "silence"].includes(one.kind)) || own[0];
    return storm?.series.direction || "";
  }

  drawTools() {
    const users = [...new Set([this.user, ...this.alerts.map((one) => one.user), ...this.incident.affected_users].filter(Boolean))];
    const select = (label, value, options, act) => el("label", {}, `${label} `, el("select", { onchange: (event) => act(event.target.value) }, ...options.map(([key, text]) => el("option", { value: key, selected: key === value }, text))));
    render(this.tools,
      select("User", this.user, users.map((user) => [user, user]), (user) => { this.user = user; this.again(); }),
      select("Direction", this.direction, [["", "both"], ["to_dsp", "to the DSP"], ["to_user", "to the User"]], (direction) => { this.direction = direction; this.again(); }),
      el("button", { key: "control", onclick: () => this.showControls() }, "Compare with Users without trouble"),
      ...zoomTools(this.axis));
  }

  async again() {
    this.drawTools();
    await this.read();
    this.drawAll();
  }

  zoomed() {
    this.drawTools();
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.again(), 150);
  }

  async read() {
    if (!this.user) return;
    const { from, to } = this.axis;
    await attempt(async () => {
      [this.line, this.queues] = await Promise.all([readTotals(this.user, from, to, { direction: this.direction }), readQueues(this.user, from, to)]);
    });
  }

  marks() {
    const { incident, state, alerts } = this;
    const onset = alerts.filter((one) => one.user === incident.origin_user).map((one) => one.onset_at).sort()[0] || incident.opened_at;
    const moments = [[onset, "onset", "critical"], [incident.opened_at, "detected", "warning"], [state?.acknowledged?.at, "acknowledged", "attention"], [incident.ended_at, "ended", "good"], [incident.resolved_at, "resolved", "good"]];
    return moments.filter(([at]) => at).map(([at, text, colour]) => ({ at: Date.parse(at), text, colour }));
  }

  isTrouble(at) {
    return this.alerts.some((one) => one.user === this.user && at >= Date.parse(one.onset_at) - 300e3 && at <= (instant(one.ended_at || one.resolved_at) || Infinity));
  }

  drawAll() {
    if (this.line) this.drawRate();
    if (this.queues) this.drawQueue();
    this.drawLanes();
    this.drawStrip();
  }

  drawRate() {
    const { line } = this;
    const lines = [{ label: `${this.user}: messages`, values: line.mean, lows: line.low, highs: line.high, colour: "accent" }, { label: "expected", values: line.expected, colour: "soft", style: "dashed", width: 1.3 }, { label: "failures", values: line.failures, colour: "critical", fill: true, width: 1.2 }];
    this.rate.draw({ at: line.at, lines, band: usualBand(line, (at) => this.isTrouble(at)), marks: this.marks() });
  }

  drawQueue() {
    const backlog = this.alerts.find((one) => one.kind === "backlog" && one.user === this.user);
    const wanted = this.queues.find((one) => one.queue === backlog?.series.queue) || this.queues[0];
    this.queue.node.hidden = !wanted || !this.incident.kinds.includes("backlog") && highest(wanted.high) < 1000;
    if (this.queue.node.hidden) return;
    const lines = [{ label: `${this.user} ${wanted.queue}: waiting`, values: wanted.high, lows: wanted.low, highs: wanted.high, colour: "accent", fill: true }];
    const { levels, cone } = this.outlook(backlog, wanted);
    this.queue.draw({ at: wanted.at, lines, marks: this.marks(), levels, cone });
  }

  /** The capacity, and the cone to full or empty, as the newest revision of the alert says. */
  outlook(backlog, line) {
    const evidence = backlog?.evidence || {};
    if (!backlog || !line.at.length) return {};
    const at = line.at[line.at.length - 1], depth = line.last[line.last.length - 1] ?? 0;
    const capacity = evidence.capacity ?? (evidence.capacity_eta_s && evidence.growth_per_s > 0 ? evidence.depth + evidence.growth_per_s * evidence.capacity_eta_s : null);
    const levels = capacity ? [{ value: capacity, text: `full at about ${number(Number(capacity.toPrecision(2)))}`, colour: "critical" }] : [];
    if (this.incident.status === "resolved") return { levels };
    const passed = (at - Date.parse(backlog.as_of)) / 1000, ahead = (seconds) => at + Math.max(60, seconds - passed) * 1000;
    if (capacity && evidence.capacity_eta_low_s) {
      const early = ahead(evidence.capacity_eta_low_s), late = ahead(evidence.capacity_eta_high_s || evidence.capacity_eta_s * 2);
      return { levels, cone: [[at, depth, depth], [early, depth + ((capacity - depth) * (early - at)) / (late - at), capacity], [late, capacity, capacity]] };
    }
    if (evidence.drain_eta_s) return { levels, cone: [[at, depth, depth], [ahead(evidence.drain_eta_s), 0, 0]] };
    return { levels };
  }

  drawLanes() {
    const suspects = new Set(this.incident.suspects.filter((one) => one.verdict !== "excluded").map((one) => `${one.owner}/${one.change_id}`));
    const threatened = new Set(this.incident.threatened_changes.map((one) => one.change_id));
    const { from, to } = this.axis;
    const meets = (one) => Date.parse(one.actual_start || one.planned_start) < to && Date.parse(one.actual_end || one.planned_end) > from && !["draft", "cancelled"].includes(one.status);
    const weight = (one) => (suspects.has(`${one.owner}/${one.change_id}`) ? 0 : threatened.has(one.change_id) ? 1 : one.owner === this.user ? 2 : one.source === "dcc" ? 3 : 4);
    const found = this.changes.filter(meets).sort((a, b) => weight(a) - weight(b));
    const left = found.length - MOST_CHANGES;
    this.lanes.set(changeRows(found.slice(0, MOST_CHANGES), suspects), this.marks(), found.length ? (left > 0 ? `${left} more changes: see the calendar.` : "Hatched: planned. Solid: as it was. Red outline: suspected. Violet outline: disaster recovery test.") : "No change in this span.");
  }

  drawStrip() {
    const byUser = new Map();
    for (const alert of this.alerts) if (alert.user) byUser.set(alert.user, [...(byUser.get(alert.user) || []), alert]);
    const first = (alerts) => Math.min(...alerts.map((one) => Date.parse(one.onset_at)));
    const users = [...byUser].sort((a, b) => Number(b[0] === this.incident.origin_user) - Number(a[0] === this.incident.origin_user) || first(a[1]) - first(b[1]));
    const bar = (alert) => ({ from: Date.parse(alert.onset_at), to: instant(alert.ended_at || alert.resolved_at) || store.seenUntil(), class: `suffer-${alert.severity}`, title: `${alert.user}: ${alert.kind}, ${timeText(alert.onset_at)}. ${alert.summary}` });
    this.strip.node.hidden = users.length < 2;
    const shown = this.allUsers ? users : users.slice(0, FEW_USERS);
    this.strip.set(shown.map(([user, alerts]) => ({ name: user, bars: alerts.map(bar) })), this.marks());
    render(this.stripMore, users.length > shown.length ? el("button", { onclick: () => { this.allUsers = true; this.drawStrip(); } }, `Show all ${users.length} Users`) : null);
  }

  async showControls() {
    await attempt(async () => {
      const suffering = new Set([this.user, ...this.incident.affected_users, ...this.alerts.map((one) => one.user)]);
      const found = await readControls(this.user, suffering, this.axis, store.now(), { direction: this.direction });
      this.control.node.hidden = false;
      this.control.node.querySelector("figcaption").textContent = found.users.length ? `Against Users without trouble (${listText(found.users)})` : "There is no User without trouble to compare with";
      const lines = found.lines.map((line, index) => ({ ...line, colour: index ? CONTROL_COLOURS[(index - 1) % CONTROL_COLOURS.length] : "critical", width: index ? 1.2 : 2 }));
      this.control.draw({ at: found.at, lines, marks: this.marks(), levels: [{ value: 100, text: "as expected", colour: "soft" }] });
    });
  }
}
