// The parts of the page: incidents, alerts, calendar, subscriptions, each drawn from records as they are.

import { ask } from "./api.js";
import { chip, el, number, time } from "./words.js";

const table = (heads, rows) =>
  el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...rows)));

const empty = (text) => el("p", { class: "empty" }, text);

function suspectLine(suspect) {
  const who = suspect.basis === "other_party" ? "another party's change"
    : suspect.change_id ? `${suspect.change_id} of ${suspect.owner}` : `a change of ${suspect.owner} that nobody declared`;
  return el("li", {}, chip(suspect.verdict), ` ${who} (${suspect.score}) `, el("span", { class: "hint" }, suspect.reasons.map((reason) => reason.text).join(" ")));
}

function suspects(list) {
  return list.length ? el("ul", {}, ...list.slice(0, 4).map(suspectLine)) : el("p", { class: "hint" }, "No change is suspected.");
}

function silenceLines(state) {
  return (state?.silences || []).map((one) => el("p", { class: "hint" }, `silenced in Alertmanager by ${one.by}: ${one.note}, until `, time(one.until)));
}

export function incidentCard(incident, state, actions) {
  const line = [
    chip(`category ${incident.category}`, incident.category <= 2 ? "critical" : incident.category === 3 ? "warning" : "info"),
    ` ${incident.kinds.join(", ")}`, incident.origin_user ? ` at ${incident.origin_user}` : "",
    incident.affected_users.length ? `, ${incident.affected_users.length} other Users affected` : "",
    incident.status === "resolved" ? " · resolved " : " · since ",
  ];
  const acknowledgement = state?.acknowledged ? el("p", { class: "hint" }, `taken up by ${state.acknowledged.by}${state.acknowledged.note ? `: ${state.acknowledged.note}` : ""}`) : null;
  const threatened = incident.threatened_changes.map((one) => el("p", { class: "warning" }, `At risk: ${one.change_id}. ${one.why}`));
  const story = el("details", {}, el("summary", {}, "Timeline"), el("ul", {}, ...incident.timeline.map((entry) => el("li", {}, time(entry.at), ` ${entry.text}`))));
  const take = actions && incident.status !== "resolved" && !state?.acknowledged ? el("button", { onclick: () => actions.acknowledge("incidents", incident.incident_id) }, "Take it up") : null;
  const look = incident.status === "resolved" ? "resolved" : incident.category <= 3 ? "open" : "";
  return el("article", { class: `card ${look}` },
    el("h3", {}, incident.summary), el("p", { class: "row" }, el("span", {}, ...line, time(incident.resolved_at || incident.opened_at)), take), acknowledgement, ...silenceLines(state),
    suspects(incident.suspects), ...threatened, story);
}

export function alertTable(alerts, states, actions) {
  if (!alerts.length) return empty("No alert is open.");
  return table(["Severity", "Since", "What", "Suspect", "Do first", ""], alerts.map((alert) => {
    const state = states.get(alert.alert_id), first = alert.suspects[0];
    const suspect = !first ? "–" : first.basis === "other_party" ? "another party" : first.change_id || `${first.owner}, undeclared`;
    const taken = state?.acknowledged ? `taken up by ${state.acknowledged.by}` : null;
    const take = actions && alert.status !== "resolved" && !taken ? el("button", { onclick: () => actions.acknowledge("alerts", alert.alert_id) }, "Take it up") : null;
    return el("tr", { class: alert.status === "resolved" ? "resolved" : "" },
      el("td", {}, chip(alert.severity)), el("td", {}, time(alert.onset_at)),
      el("td", {}, el("strong", {}, `${alert.kind}${alert.user ? ` · ${alert.user}` : ""}`), el("br"), alert.summary, alert.status === "resolved" ? el("em", {}, " (over)") : null),
      el("td", {}, first ? chip(first.verdict) : null, ` ${suspect}`), el("td", {}, alert.next_step), el("td", {}, taken, take, ...silenceLines(state)));
  }));
}

export function calendarTable(changes) {
  if (!changes.length) return empty("No change is declared.");
  return table(["Change", "Owner", "From", "To", "State", "Says it will"], changes.map((change) => {
    const said = change.expected ? `${change.expected.effect}${change.expected.factor ? ` × ${number(change.expected.factor)}` : ""}` : change.disruption;
    return el("tr", {}, el("td", {}, el("strong", {}, change.change_id), el("br"), change.title, ` (${change.category})`), el("td", {}, change.owner),
      el("td", {}, time(change.actual_start || change.planned_start)), el("td", {}, time(change.actual_end || change.planned_end)), el("td", {}, change.status), el("td", {}, said));
  }));
}

export function subscriptionTable(list, again) {
  if (!list.length) return empty("None yet.");
  const request = async (event, path, method, body) => {
    const result = await ask(path, method, body).catch((fault) => ({ error: fault.message }));
    if (result && "delivered" in result) event.target.textContent = result.delivered ? "Arrived" : `Failed: ${result.error}`;
    else await again();
  };
  return table(["Name", "Channel", "Target", "From", "", ""], list.map((one) => {
    const path = `/v1/subscriptions/${one.id}`;
    return el("tr", {}, el("td", {}, one.name, one.paused_reason ? el("em", {}, ` (${one.paused_reason})`) : null), el("td", {}, one.channel), el("td", {}, one.target),
      el("td", {}, one.wishes.severity), el("td", {}, el("button", { onclick: (event) => request(event, `${path}/test`, "POST") }, "Test")),
      el("td", {}, el("button", { onclick: (event) => request(event, path, "DELETE") }, "Remove")));
  }));
}
