// One incident: what it is, its figures on one time axis, its story, and the post-mortem.

import { ask, pathOf, withQuery } from "../core/api.js";
import { el, render } from "../core/dom.js";
import { setKeys } from "../core/keys.js";
import { go } from "../core/router.js";
import { onPreference } from "../core/preferences.js";
import { store } from "../core/store.js";
import { ACTIONS, allowed } from "../parts/actions.js";
import { alertRows } from "../parts/alert_table.js";
import { headlineOf, incidentBody } from "../parts/incident_card.js";
import { IncidentFigures } from "../parts/incident_figures.js";
import { PostMortem } from "../parts/post_mortem.js";
import { suspectList } from "../parts/suspects.js";
import { storyList } from "../parts/story.js";
import { percent, time } from "../core/words.js";

const REFRESH_MS = 15_000;
const FEW_ALERTS = 10;
const SEVERITIES = ["critical", "warning", "info"];

export function incidentView(root, { id }) {
  const view = new IncidentPage(root, id);
  view.open();
  return { leave: () => view.leave() };
}

class IncidentPage {
  constructor(root, id) {
    this.root = root;
    this.id = id;
    this.alerts = [];
    this.actions = [];
    this.changes = [];
    this.left = false;
  }

  get incident() {
    return store.records.incident.get(this.id);
  }

  async open() {
    render(this.root, el("p", { class: "empty" }, "Loading the incident …"));
    try {
      if (!this.incident) await store.fetchOne("incident", this.id);
    } catch (fault) {
      return this.missing(fault);
    }
    if (this.left) return;
    this.build();
    this.unlisten = store.listen((kinds) => this.onChange(kinds));
    this.unprefer = onPreference(() => this.draw());
    this.timer = setInterval(() => this.incident.status !== "resolved" && !document.hidden && this.refresh(), REFRESH_MS);
    this.keys();
    this.draw();
    await this.refresh();
  }

  missing(fault) {
    const isGone = fault.status === 404, back = el("a", { href: "/" }, "Go to the open incidents.");
    render(this.root, el("h1", {}, isGone ? "There is no incident of this id" : "This incident could not be read"), el("p", { class: "empty" }, isGone ? "It may have been merged or be too old. " : `The reason: ${fault.message}. `, back),
      isGone ? null : el("button", { onclick: () => this.open() }, "Try again"));
  }

  leave() {
    this.left = true;
    this.unlisten?.();
    this.unprefer?.();
    clearInterval(this.timer);
    this.figures?.leave();
    setKeys("This incident", []);
  }

  build() {
    this.figures = new IncidentFigures();
    this.head = el("section", { class: "panel" });
    this.why = el("div", {});
    this.story = el("div", {});
    this.rows = el("div", {});
    this.similar = el("div", {});
    this.postMortem = new PostMortem(this.id);
    this.root.replaceChildren(
      this.head,
      el("section", { class: "panel", "aria-labelledby": "figures" }, el("h2", { id: "figures" }, "Figures"), this.figures.node),
      el("div", { class: "grid-2" },
        el("section", { class: "panel", "aria-labelledby": "suspects" }, el("h2", { id: "suspects" }, "Suspected changes"), this.why),
        el("section", { class: "panel", "aria-labelledby": "story" }, el("h2", { id: "story" }, "What happened and what was done"), this.story)),
      el("section", { class: "panel", "aria-labelledby": "alerts" }, el("h2", { id: "alerts" }, "Alerts"), this.rows),
      this.similar,
      el("section", { class: "panel", "aria-labelledby": "post-mortem" }, el("h2", { id: "post-mortem" }, "Post-mortem"), this.postMortem.node));
  }

  onChange(kinds) {
    if (!this.incident) return;
    if (kinds.has("incident") || kinds.has("state") || kinds.has("alert") || kinds.has("queues")) this.draw();
    if (kinds.has("incident") || kinds.has("state")) this.refreshSoon();
  }

  refreshSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => !this.left && this.refresh(), 800);
  }

  async refresh() {
    const incident = this.incident, from = Date.parse(incident.opened_at) - 43_200_000, to = store.now() + 43_200_000;
    const calendar = withQuery("/v1/calendar", { from: new Date(from).toISOString(), to: new Date(Math.min(to, from + 90 * 86_400_000)).toISOString(), limit: 1000 });
    const [story, changes] = await Promise.all([
      ask(`${pathOf("/v1/incidents", this.id)}/export`).catch(() => null),
      ask(calendar).then((found) => found.items).catch(() => this.changes),
    ]);
    if (this.left) return;
    Object.assign(this, { changes, alerts: story ? this.ordered(story.alerts) : this.alerts, actions: story?.actions || this.actions });
    if (story) this.postMortem.offer(story.markdown, this.state?.post_mortem);
    this.draw();
    await this.figures.show(incident, this.state, this.alerts, this.changes);
  }

  /** Those at the incident's origin first, then what is open before what is over, the worst and the oldest first. */
  ordered(alerts) {
    const rank = (one) => [Number(one.user !== this.incident.origin_user), Number(one.status === "resolved"), SEVERITIES.indexOf(one.severity)];
    const later = (a, b) => a.onset_at.localeCompare(b.onset_at);
    return [...alerts].sort((a, b) => rank(a).map((value, index) => value - rank(b)[index]).find(Boolean) || later(a, b));
  }

  get state() {
    return store.stateOf("incidents", this.id);
  }

  draw() {
    const { incident, state } = this, now = store.now();
    document.title = `${incident.origin_user || "Incident"} – Highwater`;
    const merged = state?.merged_into ? el("p", { class: "warning" }, "Merged into ", el("a", { href: `/incident/${encodeURIComponent(state.merged_into)}` }, state.merged_into), ".") : null;
    render(this.head, el("p", { class: "soft" }, el("a", { href: "/" }, "Now"), ` › ${this.id}`), el("h1", {}, headlineOf(incident)), merged, ...incidentBody(incident, state, now), el("p", { class: "soft" }, `Category ${incident.category} is proposed: ${incident.category_reason}`));
    render(this.why, suspectList(incident, state, { open: true }));
    render(this.story, storyList(incident, this.actions));
    const shown = this.allAlerts ? this.alerts : this.alerts.slice(0, FEW_ALERTS);
    render(this.rows, alertRows(shown, { links: false }), this.alerts.length > shown.length ? el("button", { key: "all", onclick: () => { this.allAlerts = true; this.draw(); } }, `Show all ${this.alerts.length} alerts`) : null);
    this.drawSimilar(incident.similar || []);
  }

  drawSimilar(similar) {
    if (!similar.length) return render(this.similar);
    const rows = similar.map((one) => el("li", { key: one.incident_id }, el("a", { href: `/incident/${encodeURIComponent(one.incident_id)}` }, one.incident_id), ", ", time(one.opened_at), `, ${one.origin_user || "several Users"}${one.change_id ? `, ${one.change_id}` : ""} (${percent(one.likeness)} alike). ${one.ended}`));
    render(this.similar, el("section", { class: "panel" }, el("h2", {}, "Similar incidents"), el("ul", {}, ...rows)));
  }

  keys() {
    const act = (action) => () => this.incident && allowed(this.incident, this.state).includes(action) && action.act(this.incident);
    setKeys("This incident", [{ key: "Backspace", text: "back to the open incidents", act: () => go("/") }, ...(store.mayAct ? ACTIONS.map((action) => ({ key: action.key, text: action.text.toLowerCase(), act: act(action) })) : [])]);
  }
}
