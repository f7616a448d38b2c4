// System: feeds and their age, what was rejected and why, failing deliveries, how right the suspects were, tokens and audit.

import { ask, pathOf, withQuery } from "../core/api.js";
import { askFor, attempt, showDialog, unread } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { store } from "../core/store.js";
import { listText, number, percent, spanText, time } from "../core/words.js";
import { table } from "../parts/alert_table.js";
import { Habits } from "../parts/habits.js";

const REFRESH_MS = 15_000;

export function systemView(root) {
  const view = new System(root);
  return { leave: () => clearInterval(view.timer) };
}

class System {
  constructor(root) {
    this.isAdmin = store.who.role === "admin";
    this.node = el("div", {});
    this.habits = new Habits();
    root.append(el("h1", {}, "System"), this.node, el("section", { class: "panel", "aria-labelledby": "habits" }, el("h2", { id: "habits" }, "Habits that are not reported"), this.habits.node));
    this.habits.read();
    this.timer = setInterval(() => document.hidden || this.read(), REFRESH_MS);
    this.read();
  }

  async read() {
    const optional = (path) => ask(path).catch((fault) => ({ fault }));
    const hour = new Date(store.now() - 3_600_000).toISOString(), now = new Date(store.now()).toISOString();
    const [status, letters, evaluation, subscriptions, tokens, audit, quarantine, heat, ready] = await Promise.all([
      optional("/v1/status"), optional("/v1/dead-letters?limit=30"), optional("/v1/evaluation"), store.mayAct ? optional("/v1/subscriptions") : null,
      this.isAdmin ? optional("/v1/tokens") : null, this.isAdmin ? optional("/v1/audit?limit=30") : null,
      this.isAdmin ? optional("/v1/quarantine") : null, optional(withQuery("/v1/series/heat", { from: hour, to: now, bucket_s: 3600 })), this.ready()]);
    const deliveries = await Promise.all((subscriptions?.items || []).map(async (one) => [one, (await optional(`${pathOf("/v1/subscriptions", one.id)}/deliveries?limit=1`)).items?.[0]]));
    Object.assign(this, { subscriptions, status, letters, evaluation, deliveries, tokens, audit, quarantine, heat, readyText: ready });
    this.draw();
  }

  async ready() {
    const answer = await fetch("/readyz").catch(() => null);
    return answer ? answer.text() : "no answer";
  }

  draw() {
    const panel = (id, title, read, content) => el("section", { class: "panel", key: id, "aria-labelledby": id }, el("h2", { id }, title), read?.fault ? unread(read.fault, () => this.read()) : content());
    render(this.node, panel("feeds", "Feeds", this.status, () => this.feeds()), panel("rejected", "Late and rejected events", this.letters, () => this.rejected()), panel("deliveries", "Deliveries", this.subscriptions, () => this.deliveryRows()),
      panel("judged", "Alerts, their budget, and what cannot be judged yet", this.heat.fault ? this.heat : this.status, () => this.judged()), panel("right", "How right the suspects were", this.evaluation, () => this.right()),
      this.isAdmin && (this.quarantine.fault || this.quarantine.items.length) ? panel("quarantine", "Quarantine", this.quarantine, () => this.quarantined()) : null,
      this.isAdmin ? panel("tokens", "Tokens", this.tokens, () => this.tokenRows()) : null, this.isAdmin ? panel("audit", "Audit", this.audit, () => this.auditRows()) : null);
  }

  feeds() {
    const { status } = this;
    const [first, ...remarks] = (this.readyText || "").trim().split("\n");
    const rows = status.sources.map((one) => el("tr", { key: one.name }, el("td", {}, one.name), el("td", { class: one.stopped ? "critical" : "good" }, one.stopped ? `▲ nothing for ${spanText(one.quiet_s)}` : `● ${spanText(one.quiet_s)} ago`)));
    const events = Object.entries(status.events).map(([name, count]) => el("div", { key: name }, el("strong", {}, number(count)), `${name} since the start`));
    return el("div", {}, el("p", {}, "State: ", el("strong", {}, first)), remarks.length ? el("ul", { class: "warning" }, ...remarks.map((line) => el("li", {}, line))) : null, status.fault ? el("p", { class: "critical" }, status.fault) : null, el("div", { class: "numbers" }, ...events),
      rows.length ? table(["Source", "Last sent"], rows, "Sources") : el("p", { class: "empty" }, status.events.accepted ? "No source sent these events with a token of its own." : "No source has sent anything since the start. Give a token of the role ingest to whoever sends events."));
  }

  rejected() {
    const items = this.letters?.items || [];
    if (!items.length) return el("p", { class: "soft" }, "Nothing was rejected.");
    const rows = items.map((one, index) => el("tr", { key: index }, el("td", {}, one.source, el("br"), el("span", { class: "soft" }, String(one.position))), el("td", {}, one.reason), el("td", {}, el("code", {}, (one.raw || "").slice(0, 160)))));
    return table(["From", "Reason", "Sample"], rows, "Rejected events");
  }

  deliveryRows() {
    if (!store.mayAct) return el("p", { class: "soft" }, "The triage desk and administrators see the deliveries.");
    if (!this.deliveries.length) return el("p", { class: "soft" }, "Nobody is notified yet. ", store.mayAct ? el("a", { href: "/subscriptions" }, "Subscribe.") : "");
    const rows = this.deliveries.map(([one, last]) => el("tr", { key: one.id }, el("td", {}, one.name), el("td", {}, one.channel), el("td", { class: last && last.outcome !== "delivered" ? "critical" : "" }, one.confirmed === false ? "the address is not confirmed yet" : !last ? "nothing sent yet" : last.outcome === "delivered" ? ["✓ arrived ", time(last.at)] : [`▲ failed: ${last.error || last.status} `, time(last.at)])));
    return table(["Subscription", "Way", "Last delivery"], rows, "Deliveries by subscription");
  }

  judged() {
    const alerts = Object.entries(this.status?.alerts || {}).map(([name, count]) => el("div", { key: name }, el("strong", {}, number(count)), `${name} since the start`));
    const { users = [], messages = [], judged = [] } = this.heat || {};
    const share = (row) => (messages[row].reduce((sum, one) => sum + (one || 0), 0) ? judged[row].reduce((sum, one) => sum + (one || 0), 0) / messages[row].reduce((sum, one) => sum + (one || 0), 0) : 1);
    const unknown = users.filter((_, row) => share(row) < 0.5);
    return el("div", {}, el("div", { class: "numbers" }, ...alerts, el("div", { key: "budget" }, el("strong", {}, number(this.status?.false_alarms_per_day)), "false alerts a day are the budget of the whole fleet")),
      el("p", { class: unknown.length ? "warning" : "soft" }, unknown.length ? `Of ${unknown.length} Users most traffic cannot be judged yet, because nothing is expected of it so far: ${listText(unknown, 8)}.` : users.length ? "The last hour's traffic of every User could be judged." : "No traffic came in the last hour."));
  }

  quarantined() {
    const rows = this.quarantine.items.map((one) => el("tr", { key: one.entry }, el("td", {}, String(one.entry)), el("td", {}, time(one.arrived_at)), el("td", {}, number(one.size_bytes)), el("td", {}, one.reason)));
    return el("div", {}, el("p", {}, "These entries could not be judged. Try them again after an upgrade."), table(["Entry", "Arrived", "Bytes", "Reason"], rows, "Entries in quarantine"), el("button", { onclick: () => attempt(async () => { await ask("/v1/quarantine/retry", "POST"); await this.read(); }) }, "Try again"));
  }

  right() {
    const found = this.evaluation;
    if (!found?.judged?.length) return el("p", { class: "soft" }, "Nobody has confirmed or refuted a suspect yet. Confirmations and refutations on incidents appear here.");
    const rows = Object.entries(found.verdicts).map(([verdict, one]) => el("tr", { key: verdict }, el("td", {}, verdict.replaceAll("_", " ")), el("td", { class: "number" }, number(one.confirmed || 0)), el("td", { class: "number" }, number(one.refuted || 0))));
    return el("div", {}, el("p", {}, `The confirmed suspect stood first in ${percent(found.attribution_top1)} of the incidents.`), table(["Verdict", "Confirmed", "Refuted"], rows, "Judged suspects"));
  }

  tokenRows() {
    const items = (this.tokens?.items || []).filter((one) => !one.revoked_at);
    const rows = items.map((one) => el("tr", { key: one.id }, el("td", {}, one.name), el("td", {}, one.role), el("td", {}, time(one.last_used_at)), el("td", {}, one.expires_at ? time(one.expires_at) : "never"), el("td", {}, el("button", { class: "small", onclick: () => this.revoke(one) }, "Revoke"))));
    return el("div", {}, table(["Name", "Role", "Last used", "Ends", "Revoke"], rows, "Tokens in force"), el("button", { onclick: () => this.create() }, "Create a token"));
  }

  create() {
    const fields = [{ name: "name", label: "Whose it is", required: true }, { name: "role", label: "Role", required: true, hint: "ingest, observer, triage, user:<ID> or admin" }];
    askFor("Create a token", fields, "Create", async (values) => {
      const made = await ask("/v1/tokens", "POST", values);
      showDialog("Token, shown this once", [el("p", {}, el("code", {}, made.secret))]);
      await this.read();
    });
  }

  revoke(one) {
    askFor(`Revoke the token of ${one.name}?`, [], "Revoke", async () => {
      await ask(pathOf("/v1/tokens", one.id), "DELETE");
      await this.read();
    });
  }

  auditRows() {
    const rows = (this.audit?.items || []).map((one, index) => el("tr", { key: index }, el("td", {}, time(one.at)), el("td", {}, one.actor || one.by || ""), el("td", {}, one.action), el("td", {}, one.subject || "")));
    return table(["At", "Who", "What", "On"], rows, "Audited actions");
  }
}
