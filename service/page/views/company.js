// My company: is it me or the network? A User's own traffic, alerts, changes with their reports, and its declaration record.

import { all, ask, pathOf } from "../core/api.js";
import { askFor, attempt, say } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { onPreference } from "../core/preferences.js";
import { store } from "../core/store.js";
import { number, percent, processText, spanText, time } from "../core/words.js";
import { severityChip } from "../parts/incident_card.js";
import { suspectLine } from "../parts/suspects.js";
import { DAY, readCalendar, riskCell } from "../parts/calendar_data.js";
import { alertRows, table } from "../parts/alert_table.js";
import { fresh, short } from "../parts/live_text.js";
import { UserFigures } from "../parts/user_figures.js";

const HOUR = 3_600_000;
const REFRESH_MS = 60_000;
const VERDICTS = { no_impact: "no impact", as_expected: "as expected", impact: "impact", absent: "no effect seen: did it happen?", inconclusive: "inconclusive" };
const RANK = { critical: 0, warning: 1, info: 2 };

/** Where nothing is open: whether that says anything. `lastAt`: when the User's traffic was last reported; null where it was not, undefined while that is not read yet. */
function calmSentence(lastAt) {
  const { data_until: until, old_after_s: oldAfter } = store.status, age = until ? (store.now() - Date.parse(until)) / 1000 : 0;
  if (!until) return { kind: "other", text: "Nothing was sent to this monitor yet, so nothing is known about your traffic." };
  if (age > 3 * oldAfter) return { kind: "other", text: `Nothing is open, but the newest data is ${spanText(age)} old: what happened since is not known.` };
  if (lastAt === null) return { kind: "other", text: "No traffic of yours was reported in the last 24 hours, so nothing is known about it. Nothing is open." };
  return { kind: "", text: "Your traffic is as usual. Nothing is open." };
}

/** One sentence: is it me or the network? { text, kind }. */
export function verdictSentence(alerts, lastAt) {
  const open = alerts.filter((one) => one.status !== "resolved" && one.severity !== "info");
  if (!open.length) return calmSentence(lastAt);
  const worst = [...open].sort((a, b) => RANK[a.severity] - RANK[b.severity])[0];
  const sure = (one) => one.verdict === "probable" || one.verdict === "possible";
  const own = open.flatMap((one) => one.suspects).find((one) => one.basis !== "other_party" && one.owner === store.who.user && sure(one));
  const dcc = open.flatMap((one) => one.suspects).find((one) => one.basis !== "other_party" && one.owner !== store.who.user && sure(one));
  const other = open.flatMap((one) => one.suspects).find((one) => one.basis === "other_party" && sure(one));
  if (own) return { kind: "trouble", text: `It looks like it is you: ${own.change_id ? `your change ${own.change_id}` : "a change of yours that nobody declared"} is the ${own.verdict} cause.` };
  if (other) return { kind: "other", text: `It looks like it is not you: another party's change is the ${other.verdict} cause. There is nothing to mend at your side.` };
  if (dcc) return { kind: "other", text: `It looks like it is not you: ${dcc.change_id ? `${dcc.change_id} of ${dcc.owner}` : `a change of ${dcc.owner}`} is the ${dcc.verdict} cause.` };
  if (/nothing to mend/.test(worst.next_step)) return { kind: "other", text: "It looks like it is not you: the trouble began elsewhere. There is nothing to mend at your side." };
  return { kind: "trouble", text: "Your traffic is in trouble, and no cause is known yet. Check your own systems first." };
}

export function companyView(root) {
  const view = new Company(root);
  return { leave: () => view.leave() };
}

class Company {
  constructor(root) {
    this.root = root;
    this.reports = [];
    this.changes = [];
    this.build();
    this.unlisten = store.listen(() => this.draw());
    this.unprefer = onPreference(() => this.draw());
    this.timer = setInterval(() => document.hidden || this.read(), REFRESH_MS);
    this.draw();
    this.read();
  }

  leave() {
    this.unlisten();
    this.unprefer();
    clearInterval(this.timer);
    this.figures.leave();
  }

  build() {
    const to = Math.min(store.now(), Date.parse(store.status?.data_until || new Date().toISOString()));
    this.figures = new UserFigures(store.who.user, to - 24 * HOUR, to, { alerts: () => this.alerts().filter((one) => one.severity !== "info") });
    this.sentence = el("div", {});
    this.open = el("div", {});
    this.own = el("div", {});
    this.record = el("div", {});
    const panel = (id, title, ...content) => el("section", { class: "panel", "aria-labelledby": id }, el("h2", { id }, title), ...content);
    this.root.append(el("h1", {}, store.who.user), this.sentence, panel("own-alerts", "Your alerts", this.open), panel("own-figures", "Your traffic", this.figures.node),
      panel("own-changes", "Your changes and what they did", this.own), panel("own-record", "Your declaration record", this.record));
  }

  alerts() {
    return [...store.records.alert.values()].sort((a, b) => b.onset_at.localeCompare(a.onset_at));
  }

  async read() {
    const user = store.who.user;
    await Promise.all([this.figures.read().then(() => this.draw()), attempt(async () => {
      const now = Date.now();
      const [reports, changes, records, ahead] = await Promise.all([all("/v1/change-reports", {}, 500), all("/v1/changes", { owner: user }, 500), ask("/v1/declarations"), readCalendar(now, now + 60 * DAY, { owner: user })]);
      this.risks = new Map(ahead.risks.map((one) => [one.change_id, one]));
      Object.assign(this, { reports, changes, declarations: records.items[0] });
      this.draw();
    })]);
    if (store.older.alert === undefined) await attempt(() => store.loadOlder("alert"));
  }

  draw() {
    const alerts = this.alerts(), { kind, text } = verdictSentence(alerts, this.figures.lastAt);
    render(this.sentence, el("p", { class: `sentence ${kind}` }, store.loaded ? text : "Loading …"));
    const open = alerts.filter((one) => one.status !== "resolved").sort((a, b) => RANK[a.severity] - RANK[b.severity]), past = alerts.filter((one) => one.status === "resolved");
    render(this.open, open.length ? el("div", { class: "cards" }, ...open.map((alert) => this.alertCard(alert))) : el("p", { class: "empty" }, "No alert is open."),
      past.length ? el("details", { key: "past" }, el("summary", {}, `Alerts that are over (${past.length})`), alertRows(past.slice(0, 100), { links: false })) : null);
    this.drawChanges();
    this.drawRecord();
  }

  alertCard(alert) {
    const facts = [["Do first", el("strong", {}, alert.next_step)], alert.processes.length ? ["Processes", alert.processes.map(processText).join(", ")] : null, ["Since", time(alert.onset_at)], ...alert.threatened_changes.map((one) => ["At risk", `${one.change_id}. ${fresh(one.why, alert.user, alert.as_of)}`])].filter(Boolean);
    return el("article", { class: `card ${alert.severity}`, key: alert.alert_id }, el("h3", {}, fresh(short(alert.summary), alert.user, alert.as_of)),
      el("div", { class: "chips" }, severityChip(alert.severity), el("span", { class: "chip plain" }, alert.kind), alert.envelope !== "none" ? el("span", { class: "chip plain" }, `${alert.envelope} what was declared`) : null),
      el("dl", { class: "facts" }, ...facts.flatMap(([label, content]) => [el("dt", {}, label), el("dd", {}, content)])),
      alert.suspects.length ? el("details", {}, el("summary", {}, suspectLine(alert.suspects[0])), el("ul", {}, ...alert.suspects[0].reasons.map((reason) => el("li", {}, reason.text)))) : null);
  }

  drawChanges() {
    if (!this.changes.length) return render(this.own, el("p", { class: "empty" }, "You have declared no change. ", el("a", { href: "/declare" }, "Declare one.")));
    const reports = new Map(this.reports.map((one) => [one.change_id, one]));
    const sorted = [...this.changes].sort((a, b) => b.planned_start.localeCompare(a.planned_start));
    const rows = sorted.map((change) => {
      const report = reports.get(change.change_id);
      return el("tr", { key: change.change_id }, el("td", {}, el("strong", {}, change.change_id), el("br"), change.title), el("td", {}, time(change.planned_start), el("br"), time(change.planned_end)), el("td", {}, change.status.replaceAll("_", " ")),
        el("td", {}, report ? [el("strong", {}, VERDICTS[report.verdict]), el("br"), report.summary, this.faults(report)] : this.risks?.has(change.change_id) ? ["not yet; risk of harm: ", riskCell(this.risks.get(change.change_id))] : "no report yet"), el("td", {}, report ? this.contest(report) : null));
    });
    render(this.own, table(["Change", "Planned", "State", "What it did", "Contest"], rows, "Your changes"));
  }

  faults(report) {
    const remarks = [report.declared_late_s ? `declared ${spanText(report.declared_late_s)} late` : null, report.overran_s ? `overran by ${spanText(report.overran_s)}` : null, report.started_early_s ? `started ${spanText(report.started_early_s)} early` : null].filter(Boolean);
    return remarks.length ? el("p", { class: "warning" }, remarks.join(", ")) : null;
  }

  contest(report) {
    if (report.contested) return el("span", { class: "chip attention" }, `contested by ${report.contested.by}`);
    return el("button", { onclick: () => this.contestNow(report) }, "This is wrong");
  }

  contestNow(report) {
    askFor(`Contest the report on ${report.change_id}`, [{ name: "reason", label: "What is wrong, for the DCC's desk", type: "area", required: true }], "Contest", async (values) => {
      await ask(`${pathOf("/v1/change-reports", store.who.user, report.change_id)}/contest`, "POST", { reason: values.reason });
      say("Contested. The desk sees it beside the report.");
      await this.read();
    });
  }

  drawRecord() {
    const record = this.declarations;
    if (!record) return render(this.record, el("p", { class: "empty" }, "There is no record yet."));
    const of = (count) => (record.reported ? `${number(count)} of ${number(record.reported)}` : "–");
    const figures = [["declared", number(record.declared)], ["with a report", number(record.reported)], ["declared before they began", of(record.on_time)], ["kept to their time", of(record.kept_to_time)], ["kept to their scope", of(record.scope_right)], ["not declared", number(record.undeclared)]];
    const contested = this.reports.filter((one) => one.contested);
    render(this.record, el("div", { class: "numbers" }, ...figures.map(([text, count]) => el("div", {}, el("strong", {}, count), text)), el("div", {}, el("strong", {}, percent(record.declared_share)), "declared share")),
      el("p", { class: "soft" }, "Basis: the reports on your changes and the incidents that probably came from a change of yours that nobody declared, since this monitor began. The DCC and you see it, nobody else."),
      contested.length ? el("p", {}, `Contested by you: ${contested.map((one) => one.change_id).join(", ")}.`) : null);
  }
}
