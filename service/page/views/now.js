// Now: what is wrong, worst first. Cards change in place, so that focus, open details and scroll survive any update.

import { attempt } from "../core/dialogs.js";
import { el, lazy, render } from "../core/dom.js";
import { setKeys } from "../core/keys.js";
import { go, query, setQuery } from "../core/router.js";
import { store } from "../core/store.js";
import { preferences } from "../core/preferences.js";
import { plural } from "../core/words.js";
import { ACTIONS, allowed, isOpen, isPartOfAnother } from "../parts/actions.js";
import { alertRows } from "../parts/alert_table.js";
import { incidentCard, liveDepth, severityOf } from "../parts/incident_card.js";
import { ratesNow } from "../parts/live_text.js";

const SHOWN = 30;
const RANK = { critical: 0, warning: 1, info: 2 };
const FILTERS = [["", "All"], ["unacknowledged", "Not acknowledged"], ["mine", "Mine"], ["snoozed", "Snoozed"]];

export function worstFirst(a, b) {
  const quiet = (one) => Number(Boolean(store.stateOf("incidents", one.incident_id)?.snoozed_until));
  return quiet(a) - quiet(b) || a.category - b.category || RANK[severityOf(a)] - RANK[severityOf(b)] || b.opened_at.localeCompare(a.opened_at);
}

export function nowView(root) {
  const view = new Now(root);
  return { leave: () => view.leave() };
}

class Now {
  constructor(root) {
    this.root = root;
    this.filters = { q: query().q || "", show: query().show || "" };
    this.shown = SHOWN;
    this.shownAlerts = 50;
    this.selected = null;
    this.build();
    this.unlisten = store.listen(() => {
      this.draw();
      this.readPast();
    });
    this.timer = setInterval(() => this.draw(), 30_000);
    this.keys();
    this.draw();
    this.readPast();
  }

  /** The newest incidents that are over, once the open ones are there. */
  readPast() {
    if (this.hasPast || !store.loaded) return;
    this.hasPast = true;
    if (store.older.incident === undefined) store.loadOlder("incident", { limit: 10 }).catch(() => (this.hasPast = false));
  }

  leave() {
    this.unlisten();
    clearInterval(this.timer);
    setKeys("Incidents", []);
  }

  build() {
    this.search = el("input", { type: "search", value: this.filters.q, placeholder: "User, change, process …", "aria-label": "Search incidents", oninput: () => this.filter({ q: this.search.value }) });
    this.choice = el("select", { "aria-label": "Which incidents", onchange: () => this.filter({ show: this.choice.value }) }, ...FILTERS.map(([value, text]) => el("option", { value, selected: value === this.filters.show }, text)));
    this.title = el("h1", {});
    this.cards = el("div", { class: "cards" });
    this.more = el("div", {});
    this.past = el("div", { class: "cards" });
    this.pastMore = el("div", {});
    this.alerts = el("div", {});
    this.alertDetails = el("details", { class: "panel", ontoggle: () => this.draw() }, el("summary", {}, el("h2", { id: "alerts" }, "Open alerts")), this.alerts);
    this.root.append(
      el("div", { class: "view-head" }, this.title, el("div", { class: "tools" }, this.search, this.choice)),
      el("h2", { class: "visually-hidden" }, "Open, worst first"), this.cards, this.more, this.alertDetails,
      el("section", { "aria-labelledby": "over" }, el("h2", { id: "over" }, "Over"), this.past, this.pastMore),
    );
  }

  filter(changed) {
    Object.assign(this.filters, changed);
    setQuery(changed);
    this.draw();
  }

  matches(incident) {
    const state = store.stateOf("incidents", incident.incident_id);
    const { q, show } = this.filters;
    if (show === "unacknowledged" && state?.acknowledged) return false;
    if (show === "snoozed" && !state?.snoozed_until) return false;
    if (show === "mine" && ![state?.assigned_to, state?.acknowledged?.by].includes(preferences.name || store.who.name)) return false;
    if (!q) return true;
    const text = JSON.stringify([incident.incident_id, incident.summary, incident.origin_user, incident.affected_users, incident.kinds, incident.processes, state, incident.suspects.map((one) => [one.change_id, one.owner])]);
    return text.toLowerCase().includes(q.toLowerCase());
  }

  draw() {
    const now = store.now();
    const found = [...store.records.incident.values()].filter((one) => this.matches(one));
    this.open = found.filter(isOpen).sort(worstFirst);
    const past = found.filter((one) => !isOpen(one) && (this.filters.q || !isPartOfAnother(one))).sort((a, b) => (b.resolved_at || b.as_of).localeCompare(a.resolved_at || a.as_of));
    if (this.selected && !found.some((one) => one.incident_id === this.selected)) this.selected = null;
    render(this.title, this.open.length ? plural(this.open.length, "open incident") : store.loaded ? "No open incident" : "Open incidents");
    render(this.cards, ...this.open.slice(0, this.shown).map((one) => this.card(one, now)), this.open.length ? null : this.empty());
    render(this.more, this.open.length > this.shown ? el("button", { onclick: () => this.showMore() }, `Show ${this.open.length - this.shown} more`) : null);
    render(this.past, ...past.slice(0, 100).map((one) => this.card(one, now)));
    render(this.pastMore, store.older.incident === null ? el("p", { class: "soft" }, "Nothing older is kept.") : el("button", { onclick: () => attempt(() => store.loadOlder("incident")) }, past.length ? "Load older" : "Load incidents that are over"));
    this.drawAlerts();
    if (this.open.length && !this.marked) this.marked = performance.mark("first-card");
  }

  card(incident, now) {
    const state = store.stateOf("incidents", incident.incident_id);
    const selected = this.selected === incident.incident_id;
    const live = incident.status === "resolved" ? null : liveDepth(incident);
    const minute = incident.status === "resolved" ? 0 : Math.floor(now / 60e3);
    const signature = [incident.revision, JSON.stringify(state), isOpen(incident), store.mergedInto(incident.incident_id).join(), ratesNow(incident).map((rate) => `${rate.scope} ${rate.at}`).join(), minute, selected, live?.at, live?.depth, preferences.local, store.mayAct].join("|");
    return lazy(incident.incident_id, signature, () => incidentCard(incident, state, now, selected));
  }

  empty() {
    if (!store.loaded) return el("p", { class: "empty" }, "Loading …");
    if (this.filters.q || this.filters.show) return el("p", { class: "empty" }, "No open incident fits the filter. Empty the search to see all.");
    if (!store.status?.data_until) return el("p", { class: "empty" }, "Nothing was sent yet, so nothing can be found. Give a token of the role ingest to whoever sends events: ", el("a", { href: "/system" }, "System"), " lists the sources.");
    return el("p", { class: "empty" }, "No incident is open. Alerts appear here as soon as they are found.");
  }

  drawAlerts() {
    const open = [...store.records.alert.values()].filter((one) => one.status !== "resolved");
    render(this.alertDetails.querySelector("h2"), `Open alerts (${open.length})`);
    if (!this.alertDetails.open) return;
    open.sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.onset_at.localeCompare(a.onset_at));
    render(this.alerts, alertRows(open.slice(0, this.shownAlerts)), open.length > this.shownAlerts ? el("button", { key: "more", onclick: () => { this.shownAlerts += 200; this.draw(); } }, `Show more of ${open.length}`) : null);
  }

  showMore() {
    this.shown += SHOWN;
    this.draw();
  }

  keys() {
    const move = (step) => () => {
      const place = this.open.findIndex((one) => one.incident_id === this.selected);
      const next = this.open[Math.max(0, Math.min(this.open.length - 1, place + step))];
      if (next) this.select(next.incident_id);
    };
    const chosen = () => store.records.incident.get(this.selected);
    const act = (action) => () => {
      const incident = chosen();
      if (!incident) return this.open.length ? this.select(this.open[0].incident_id) : null; // the first press shows which card is meant
      if (store.mayAct && allowed(incident, store.stateOf("incidents", incident.incident_id)).includes(action)) action.act(incident);
    };
    setKeys("Incidents", [
      { key: "j", text: "next card", act: move(1) },
      { key: "k", text: "card before", act: move(-1) },
      { key: "Enter", text: "open the incident's page", act: (event) => event.target.closest("a, button, summary") ? event.target.closest("a, button, summary").click() : chosen() && go(`/incident/${encodeURIComponent(chosen().incident_id)}`) },
      { key: "/", text: "search", act: () => this.search.focus() },
      ...(store.mayAct ? ACTIONS.map((action) => ({ key: action.key, text: action.text.toLowerCase(), act: act(action) })) : []),
    ]);
  }

  select(id) {
    this.selected = id;
    this.draw();
    const card = this.root.querySelector(`[data-id="${CSS.escape(id)}"]`);
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "nearest" });
  }
}
