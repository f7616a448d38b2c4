// Subscriptions: who is notified of what, and how; test, edit, pause, quiet hours, and the log of every delivery.

import { all, ask, pathOf } from "../core/api.js";
import { askFor, attempt, say, showDialog, unread } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { store } from "../core/store.js";
import { time } from "../core/words.js";
import { table } from "../parts/alert_table.js";

const CHANNELS = [["webhook", "Webhook (signed)"], ["mail", "E-mail"], ["chat", "Chat or pager"]];
const SEVERITIES = [["info", "everything"], ["warning", "warning and above"], ["critical", "critical only"]];
const RECORDS = { alert: "alerts", incident: "incidents", report: "change reports", change: "revisions of changes", notice: "what happens to changes" };
const REFRESH_MS = 20_000;

export function subscriptionsView(root) {
  const view = new Subscriptions(root);
  return { leave: () => clearInterval(view.timer) };
}

class Subscriptions {
  constructor(root) {
    this.list = el("div", { class: "cards" }, el("p", { class: "empty" }, "Loading …"));
    root.append(el("div", { class: "view-head" }, el("h1", {}, "Subscriptions"), el("button", { class: "primary", onclick: () => this.make() }, "Subscribe")), el("h2", { class: "visually-hidden" }, "Who is notified"), this.list);
    this.logs = new Map();
    this.timer = setInterval(() => document.hidden || this.read(), REFRESH_MS);
    this.read();
  }

  async read() {
    try {
      this.items = (await ask("/v1/subscriptions")).items;
      await Promise.all(this.items.map(async (one) => this.logs.set(one.id, (await ask(`${pathOf("/v1/subscriptions", one.id)}/deliveries?limit=5`)).items)));
      this.draw();
    } catch (fault) {
      if (this.items) say(fault.message, "fault");
      else render(this.list, unread(fault, () => this.read()));
    }
  }

  draw() {
    const cards = this.items.map((one) => this.card(one));
    render(this.list, ...(cards.length ? cards : [el("p", { class: "empty" }, `Nobody is notified yet. Subscribe, and ${store.isUser ? "your own alerts" : "alerts"} come to a webhook, a mailbox or a chat.`)]));
  }

  card(one) {
    const { wishes } = one, log = this.logs.get(one.id) || [], failing = log.length && log[0].outcome !== "delivered";
    const facts = [["Notified of", `${wishes.records.map((kind) => RECORDS[kind] || kind).join(", ")}, ${SEVERITIES.find(([key]) => key === wishes.severity)[1]}${wishes.resolved ? ", also when it is over" : ""}${wishes.escalations ? ", also escalations" : ""}`],
      ["Quiet hours", wishes.quiet_hours ? `${wishes.quiet_hours.starts.slice(0, 5)} to ${wishes.quiet_hours.ends.slice(0, 5)} ${wishes.quiet_hours.zone}; what is critical comes at once` : "none"],
      wishes.digest_s ? ["Digest", `one message every ${Math.round(wishes.digest_s / 60)} minutes`] : null,
      ["Last delivery", log.length ? el("span", { class: failing ? "critical" : "good" }, failing ? `▲ failed: ${log[0].error || log[0].status}` : "✓ arrived", " ", time(log[0].at)) : "none yet"]].filter(Boolean);
    const path = pathOf("/v1/subscriptions", one.id);
    return el("article", { class: `card ${failing ? "critical" : one.paused_reason ? "over" : "info"}`, key: one.id },
      el("h3", {}, one.name), el("div", { class: "chips" }, el("span", { class: "chip plain" }, one.channel), failing ? el("span", { class: "chip critical" }, "▲ failing") : null, one.confirmed === false ? el("span", { class: "chip attention" }, "waits for confirmation") : null, one.paused_reason ? el("span", { class: "chip attention" }, one.paused_reason) : null),
      el("p", { class: "soft" }, el("code", {}, one.target)), el("dl", { class: "facts" }, ...facts.flatMap(([label, content]) => [el("dt", {}, label), el("dd", {}, content)])),
      el("div", { class: "actions" },
        el("button", { onclick: () => this.test(path) }, "Send a test"), el("button", { onclick: () => this.log(path, one) }, "Delivery log"), el("button", { onclick: () => this.edit(path, one) }, "Edit"),
        el("button", { onclick: () => this.change(path, { paused: !one.paused_reason }) }, one.paused_reason ? "Resume" : "Pause"),
        one.confirmed === false ? el("button", { onclick: () => this.confirmAgain(path) }, "Send the link again") : null,
        one.channel === "webhook" ? el("button", { onclick: () => this.rotate(path) }, "New secret") : null,
        el("button", { class: "quiet", onclick: () => this.remove(path, one) }, "Remove")));
  }

  async change(path, changed) {
    await attempt(() => ask(path, "PATCH", changed));
    await this.read();
  }

  async test(path) {
    await attempt(async () => {
      const answer = await ask(`${path}/test`, "POST");
      say(answer.delivered ? "The test arrived." : `The test failed: ${answer.error || answer.status}`, answer.delivered ? "done" : "fault");
    });
    await this.read();
  }

  async log(path, one) {
    const items = await attempt(() => all(`${path}/deliveries`, {}, 200));
    if (!items) return;
    const rows = items.map((each) => el("tr", {}, el("td", {}, time(each.at, { seconds: true })), el("td", {}, each.outcome === "delivered" ? el("span", { class: "good" }, "✓ arrived") : el("span", { class: "critical" }, "▲ failed")), el("td", {}, String(each.status ?? "–")), el("td", {}, each.error || each.type || "")));
    showDialog(`Deliveries to ${one.name}`, [items.length ? table(["At", "Outcome", "Status", "Message"], rows, "Delivery log") : el("p", { class: "empty" }, "Nothing was sent yet.")]);
  }

  confirmAgain(path) {
    return attempt(async () => {
      await ask(`${path}/confirmation`, "POST");
      say("The link was sent. Until it is opened nothing else goes there.");
    });
  }

  rotate(path) {
    attempt(async () => this.showSecret((await ask(`${path}/secret`, "POST")).secret));
  }

  showSecret(secret) {
    showDialog("Signing secret, shown this once", [el("p", {}, el("code", {}, secret)), el("p", { class: "hint" }, "Check signatures after Standard Webhooks with it.")]);
  }

  remove(path, one) {
    askFor(`Remove “${one.name}” with its log?`, [], "Remove", async () => {
      await ask(path, "DELETE");
      await this.read();
    });
  }

  fields(one) {
    const wishes = one?.wishes || { severity: "warning", resolved: true, escalations: false, digest_s: 0, quiet_hours: null };
    const quiet = wishes.quiet_hours || {};
    return [
      { name: "name", label: "Name", required: true, value: one?.name },
      one ? null : { name: "channel", label: "Way", type: "select", options: CHANNELS, value: "webhook", required: true },
      { name: "target", label: "Address", required: !one, value: one && one.channel !== "chat" ? one.target : "", max: 2000, hint: one?.channel === "chat" ? "Empty: stays as it is." : "https://…, a mail address, or a chat address such as slack://…" },
      { name: "severity", label: "Notified of", type: "select", options: SEVERITIES, value: wishes.severity, required: true },
      { name: "resolved", label: "also when it is over", type: "checkbox", value: wishes.resolved },
      { name: "escalations", label: "also alerts that nobody acknowledged in time", type: "checkbox", value: wishes.escalations },
      { name: "notices", label: "also what happens to changes: declared, moved, about to start, started, overrun, ended, cancelled, conflict", type: "checkbox", value: (wishes.records || []).includes("notice") },
      { name: "starts", label: "Quiet from", type: "time", value: quiet.starts?.slice(0, 5) }, { name: "ends", label: "Quiet until", type: "time", value: quiet.ends?.slice(0, 5) },
      { name: "digest", label: "Gather for minutes", type: "number", value: wishes.digest_s ? String(wishes.digest_s / 60) : "", min: 0, max: 1440 },
    ].filter(Boolean);
  }

  wishes(values, before) {
    const zone = before?.quiet_hours?.zone || Intl.DateTimeFormat().resolvedOptions().timeZone || "Europe/London";
    const quiet_hours = values.starts && values.ends ? { starts: values.starts, ends: values.ends, zone } : null;
    const others = (before?.records || ["alert"]).filter((kind) => kind !== "notice");
    const records = values.notices === undefined ? others : [...others, "notice"];
    return { ...before, records, severity: values.severity, resolved: values.resolved !== undefined, escalations: values.escalations !== undefined, digest_s: Math.round(Number(values.digest || 0) * 60), quiet_hours };
  }

  make() {
    askFor("Subscribe", this.fields(null), "Subscribe", async (values) => {
      const made = await ask("/v1/subscriptions", "POST", { name: values.name, channel: values.channel, target: values.target, wishes: this.wishes(values, {}) });
      if (made.secret) this.showSecret(made.secret);
      await this.read();
    });
  }

  edit(path, one) {
    askFor(`Edit “${one.name}”`, this.fields(one), "Save", async (values) => {
      const changed = { name: values.name, wishes: this.wishes(values, one.wishes) };
      if (values.target && values.target !== one.target) changed.target = values.target;
      await ask(path, "PATCH", changed);
      await this.read();
    });
  }
}

