// What the page knows: the last revision of each record, what people did, and the monitor's own state. Views listen to it.

import { all, ask, pathOf, withQuery } from "./api.js";

const KEYS = {
  incident: (one) => one.incident_id,
  alert: (one) => one.alert_id,
  change: (one) => `${one.owner}/${one.change_id}`,
  report: (one) => `${one.owner || ""}/${one.change_id}`,
};
const LISTS = { incident: "/v1/incidents", alert: "/v1/alerts" };
const MOST_KEPT = 5000;
const FRESH_MS = 2000;
const LONGEST_GAP_MS = 3_600_000;

export class Store {
  constructor() {
    this.who = null;
    this.status = null;
    this.statusAt = 0;
    this.outdated = false; // whether the monitor has other files of the page by now
    this.clear();
    this.listeners = new Set();
    this.pending = null;
  }

  clear() {
    this.records = { incident: new Map(), alert: new Map(), change: new Map(), report: new Map() };
    this.states = { incidents: new Map(), alerts: new Map() };
    this.older = { incident: undefined, alert: undefined };
    this.loaded = false;
    this.knowsAhead = false; // whether the changes around now were read
    this.queues = [];
    this.rates = new Map();
  }

  get isUser() {
    return Boolean(this.who?.user);
  }

  get mayAct() {
    return this.who?.role === "triage" || this.who?.role === "admin";
  }

  /** Reads what is open, for the first time or again after a fault; gives the event id to go on from. */
  async load() {
    const again = this.loaded;
    const status = Date.now() - this.statusAt < FRESH_MS && !again ? this.status : await ask("/v1/status");
    const eventId = status.event_id;
    const kinds = this.isUser ? ["alert"] : ["incident", "alert"];
    const first = this.isUser ? "alert" : "incident";
    const states = this.isUser ? Promise.resolve() : this.readStates();
    await this.replaceOpen(first);
    await states;
    this.setStatus(status);
    this.loaded = true;
    this.changed(kinds);
    if (!this.isUser) await this.replaceOpen("alert");
    // What was declared and reported meanwhile is in no list above: the views that show it read it again.
    if (again) this.changed(["change", "report"]);
    return eventId;
  }

  async replaceOpen(kind) {
    const open = await all(LISTS[kind], { status: "active" }, 5000);
    const standing = this.records[kind];
    const names = new Set(open.map(KEYS[kind]));
    const gone = [...standing].filter(([name, one]) => one.status !== "resolved" && !names.has(name)).map(([name]) => name);
    for (const name of gone) standing.delete(name);
    for (const one of open) this.keep(kind, one);
    if (gone.length && this.loaded) await Promise.all(gone.slice(0, 200).map((name) => this.fetchOne(kind, name).catch(() => null)));
    this.changed([kind]);
  }

  async fetchOne(kind, name) {
    const one = await ask(pathOf(LISTS[kind], name));
    this.keep(kind, one);
    this.changed([kind]);
    return one;
  }

  /** The next page of what is over, newest first. */
  async loadOlder(kind, query = {}) {
    const page = await ask(withQuery(LISTS[kind], { limit: 50, status: "resolved", ...query, cursor: this.older[kind] }));
    for (const one of page.items) this.keep(kind, one);
    this.older[kind] = page.next;
    this.changed([kind]);
  }

  async readStates() {
    for (const subject of ["incidents", "alerts"]) {
      this.states[subject] = new Map((await ask(`/v1/triage/${subject}`)).map((one) => [one.id, one.state]));
    }
    this.changed(["state"]);
  }

  setStatus(status) {
    this.outdated ||= Boolean(this.status) && this.status.page !== status.page;
    this.status = status;
    this.statusAt = Date.now();
    this.changed(["status"]);
  }

  /** One event of the stream. */
  applyEvent(kind, record) {
    if (kind === "contest") this.changed(["report"]);
    else if (kind === "triage") this.setState(record.subject, record.id, record.state);
    else if (kind in KEYS) {
      this.keep(kind, record);
      this.changed([kind]);
    }
  }

  keep(kind, record) {
    const standing = this.records[kind], name = KEYS[kind](record), before = standing.get(name);
    if (before && before.revision > record.revision) return;
    standing.set(name, record);
    if (standing.size > MOST_KEPT) {
      const oldest = [...standing].find(([, one]) => one.status === "resolved" || kind === "report" || kind === "change");
      if (oldest) standing.delete(oldest[0]);
    }
  }

  setState(subject, id, state) {
    this.states[subject].set(id, state);
    this.changed(["state"]);
  }

  /** What people did with a subject; a snooze that has ended is none. */
  stateOf(subject, id) {
    const state = this.states[subject].get(id);
    return state?.snoozed_until && Date.parse(state.snoozed_until) <= this.wallClock() ? { ...state, snoozed_until: null } : state;
  }

  /** The incidents that people merged into this one. */
  mergedInto(id) {
    return [...this.states.incidents].filter(([, state]) => state.merged_into === id).map(([name]) => name);
  }

  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Listeners are called once for several changes, before the next frame. */
  changed(kinds) {
    if (this.pending) {
      for (const kind of kinds) this.pending.add(kind);
      return;
    }
    this.pending = new Set(kinds);
    queueMicrotask(() => {
      const pending = this.pending;
      this.pending = null;
      for (const listener of [...this.listeners]) listener(pending);
    });
  }

  /** The monitor's present: the wall clock, or in a simulated day the time of its data. */
  now() {
    if (!this.status) return Date.now();
    if (this.status.simulated && this.status.data_until) return Date.parse(this.status.data_until);
    return this.wallClock();
  }

  /** The end of what figures show: now, or soon after the last data where none came for long. */
  seenUntil() {
    const until = Date.parse(this.status?.data_until || "");
    return Number.isNaN(until) ? this.now() : Math.min(this.now(), until + LONGEST_GAP_MS);
  }

  /** The time at the monitor, in a simulated day too: what people do and the ends of snoozes are in it. */
  wallClock() {
    return this.status ? Date.parse(this.status.now) + (Date.now() - this.statusAt) : Date.now();
  }
}

export const store = new Store();
