// Alerts as rows: on the desk all of them, at a User its own.

import { el } from "../core/dom.js";
import { time } from "../core/words.js";
import { severityChip } from "./incident_card.js";
import { fresh } from "./live_text.js";
import { suspectLine } from "./suspects.js";

export function alertRows(alerts, { suspects = true, links = true } = {}) {
  if (!alerts.length) return el("p", { class: "empty" }, "No alert is open.");
  const heads = ["Severity", "Since", "What", suspects ? "Suspect" : null, "Do first"].filter(Boolean);
  const rows = alerts.map((alert) => [alert, alert.status === "resolved" ? alert.summary : fresh(alert.summary, alert.user, alert.as_of)]).map(([alert, summary]) => el("tr", { key: alert.alert_id, class: alert.status === "resolved" ? "over" : "" },
    el("td", {}, severityChip(alert.severity)), el("td", {}, time(alert.onset_at)),
    el("td", {}, links && alert.incident_id ? el("a", { href: `/incident/${encodeURIComponent(alert.incident_id)}` }, summary) : summary, alert.status === "resolved" ? " (over)" : ""),
    suspects ? el("td", {}, alert.suspects.length ? suspectLine(alert.suspects[0]) : "–") : null, el("td", {}, alert.next_step)));
  return table(heads, rows, "Alerts, one a line");
}

export function table(heads, rows, label, key = "table") {
  for (const row of rows) [...row.children].forEach((cell, index) => heads[index] && cell.setAttribute("data-label", heads[index]));
  return el("div", { class: "scroll", key, tabindex: "0", role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...rows)));
}
