// The page: signs in, reads the lists once, then follows the event stream.

import { all, ask } from "./api.js";
import { drawLanes, drawQueue } from "./chart.js";
import { alertTable, calendarTable, incidentCard, subscriptionTable } from "./parts.js";
import { el, timeText, useLocalTime } from "./words.js";

const $ = (id) => document.getElementById(id);
const records = { incident: new Map(), alert: new Map(), change: new Map() };
const keys = { incident: "incident_id", alert: "alert_id", change: "change_id" };
const states = { alerts: new Map(), incidents: new Map() };
let who = null, source = null, newest = "0", drawing = null, latestChart = null;

const isDesk = () => who && !who.user;
const mayAct = () => who && (who.role === "triage" || who.role === "admin");

async function begin() {
  try {
    who = await ask("/v1/session");
  } catch {
    who = null;
  }
  $("sign-in").hidden = who !== null;
  $("board").hidden = who === null;
  $("sign-out").hidden = who === null || who.name === "demo";
  $("who").textContent = who ? `${who.name} (${who.role})` : "";
  $("state").textContent = who ? "" : "not signed in";
  if (!who) return;
  $("incidents-section").hidden = !isDesk();
  $("subscriptions-section").hidden = who.role === "observer";
  await load();
  follow();
}

async function load() {
  // First where the stream goes on, then the lists: what comes up in between is told twice rather than not at all.
  const answer = await fetch("/v1/alerts?limit=1", { credentials: "same-origin" });
  newest = answer.headers.get("last-event-id") || "0";
  const lists = [all("/v1/alerts"), all("/v1/changes"), isDesk() ? all("/v1/incidents") : []];
  const [alerts, changes, incidents] = await Promise.all(lists);
  for (const [kind, items] of [["alert", alerts], ["change", changes], ["incident", incidents]]) {
    records[kind].clear();
    for (const item of items) records[kind].set(item[keys[kind]], item);
  }
  await Promise.all([readStates(), readSubscriptions(), readQueues()]);
  draw();
}

async function readStates() {
  if (!isDesk()) return;
  for (const subject of ["alerts", "incidents"]) {
    states[subject] = new Map((await ask(`/v1/triage/${subject}`)).map((one) => [one.id, one.state]));
  }
}

async function followStates() {
  const told = () => JSON.stringify([...states.alerts, ...states.incidents]);
  const before = told();
  await readStates();
  if (told() !== before) drawSoon();
}

async function readSubscriptions() {
  if (who.role === "observer") return;
  const list = (await ask("/v1/subscriptions")).items;
  $("subscriptions").replaceChildren(subscriptionTable(list, readSubscriptions));
}

async function readQueues() {
  const names = (await ask("/v1/series/names?kind=queue&limit=1000")).items.map((one) => one.series);
  const select = $("queue"), before = select.value;
  const options = names.map((one) => [`${one.user}\t${one.queue}`, `${one.user} · ${one.queue}`]).sort();
  select.replaceChildren(...[...new Map(options)].map(([value, text]) => el("option", { value }, text)));
  const worst = [...records.alert.values()].find((alert) => alert.kind === "backlog" && alert.status !== "resolved")
    || [...records.alert.values()].find((alert) => alert.kind === "backlog");
  const wanted = before || (worst ? `${worst.user}\t${worst.series.queue || "to_user"}` : "");
  if (options.some(([value]) => value === wanted)) select.value = wanted;
  await readChart();
}

async function readChart() {
  const [user, queue] = $("queue").value.split("\t");
  if (!queue) return drawChart(null);
  const query = new URLSearchParams({ user, queue, points: "500", limit: "1" });
  const probe = await ask(`/v1/series?${query}`);
  if (!probe.to) return drawChart(null);
  query.set("to", probe.to);
  query.set("from", new Date(Date.parse(probe.to) - Number($("span").value) * 3600e3).toISOString());
  drawChart((await ask(`/v1/series?${query}`)).items[0] || null);
  $("event-time").textContent = `data up to ${timeText(probe.to)}`;
}

function drawChart(chart) {
  latestChart = chart;
  const related = [...records.change.values()].filter((change) => !chart || change.owner === chart.series.user || change.source === "dcc");
  drawQueue($("chart"), $("chart-text"), $("chart-table"), chart, related);
}

function draw() {
  drawing = null;
  const actions = mayAct() ? { acknowledge } : null;
  const open = (one) => one.status !== "resolved";
  const incidents = [...records.incident.values()].sort((a, b) => Number(open(b)) - Number(open(a)) || a.category - b.category || b.opened_at.localeCompare(a.opened_at));
  $("incidents").replaceChildren(...(incidents.length ? incidents.slice(0, 30).map((one) => incidentCard(one, states.incidents.get(one.incident_id), actions)) : [el("p", { class: "empty" }, "No incident so far.")]));
  $("incidents-count").textContent = `${incidents.filter(open).length} open`;
  const rank = { critical: 0, warning: 1, info: 2 };
  const alerts = [...records.alert.values()].filter((one) => open(one) || $("resolved-too").checked)
    .sort((a, b) => rank[a.severity] - rank[b.severity] || b.onset_at.localeCompare(a.onset_at));
  $("alerts").replaceChildren(alertTable(alerts.slice(0, 300), states.alerts, actions));
  $("alerts-count").textContent = `${[...records.alert.values()].filter(open).length} open`;
  const changes = [...records.change.values()].sort((a, b) => (a.actual_start || a.planned_start).localeCompare(b.actual_start || b.planned_start));
  $("calendar").replaceChildren(calendarTable(changes));
  drawLanes($("lanes"), changes.slice(-25), latestChart?.points.length ? Date.parse(latestChart.points.at(-1)[0]) : Date.now());
}

const drawSoon = () => {
  drawing ??= setTimeout(draw, 300);
};

function follow() {
  source?.close();
  source = new EventSource(`/v1/stream?last_event_id=${encodeURIComponent(newest)}`);
  source.onopen = () => ($("state").textContent = "live");
  source.onerror = () => ($("state").textContent = "connection lost, trying again …");
  for (const kind of ["incident", "alert", "change"]) {
    source.addEventListener(kind, (event) => {
      const record = JSON.parse(event.data);
      records[kind].set(record[keys[kind]], record);
      if (kind === "alert" && record.severity === "critical" && record.status === "open") $("news").textContent = record.summary;
      drawSoon();
    });
  }
}

async function acknowledge(subject, id) {
  const note = prompt("A note for the others (may be empty):");
  if (note === null) return;
  await ask(`/v1/${subject}/${encodeURIComponent(id)}/acknowledge`, "POST", note ? { note } : {});
  await readStates();
  draw();
}

$("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask("/v1/session", "POST", { token: $("token").value });
    $("token").value = "";
    $("sign-in-fault").textContent = "";
    await begin();
  } catch (fault) {
    $("sign-in-fault").textContent = fault.message;
  }
});
$("sign-out").addEventListener("click", async () => {
  source?.close();
  await ask("/v1/session", "DELETE");
  location.reload();
});
$("subscribe-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const wishes = { severity: form.get("severity"), resolved: form.get("resolved") !== null };
  try {
    const made = await ask("/v1/subscriptions", "POST", { name: form.get("name"), channel: form.get("channel"), target: form.get("target"), wishes });
    $("subscribe-fault").textContent = made.secret ? `Signing secret, shown this once: ${made.secret}` : "";
    event.target.reset();
    await readSubscriptions();
  } catch (fault) {
    $("subscribe-fault").textContent = fault.message;
  }
});
$("local-time").addEventListener("change", (event) => {
  useLocalTime(event.target.checked);
  drawChart(latestChart);
  draw();
});
for (const id of ["queue", "span"]) $(id).addEventListener("change", readChart);
$("resolved-too").addEventListener("change", draw);
addEventListener("resize", () => {
  drawChart(latestChart);
  drawSoon();
});
const noAnswer = () => ($("state").textContent = "no answer, trying again …");
setInterval(() => who && !document.hidden && readQueues().catch(noAnswer), 5000);
setInterval(() => who && !document.hidden && followStates().catch(noAnswer), 15000);
begin();
