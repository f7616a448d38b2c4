// What is always visible: navigation, age of the data, open incidents, oldest unacknowledged, next change, end of the sign-in.

import { ask } from "../core/api.js";
import { attempt, askFor } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { setKeys, showKeys } from "../core/keys.js";
import { prefer, preferences } from "../core/preferences.js";
import { go } from "../core/router.js";
import { store } from "../core/store.js";
import { clockText, plural, spanText, timeText } from "../core/words.js";
import { isOpen } from "./actions.js";

const DESK_VIEWS = [["/", "Now", "n", "now"], ["/traffic", "Traffic", "t", "traffic"], ["/calendar", "Calendar", "c", "calendar"], ["/hand-over", "Hand-over", "h", "hand-over"], ["/system", "System", "s", "system"]];
const USER_VIEWS = [["/", "My company", "m", "now"], ["/declare", "Declare", "d", "declare"], ["/calendar", "Calendar", "c", "calendar"], ["/subscriptions", "Subscriptions", "s", "subscriptions"]];
const LIGHTS = { good: "●", warning: "◆", critical: "▲", info: "●" };

let connection = { kind: "connecting", since: Date.now() };
let current = null;

export function showConnection(state) {
  connection = state;
  drawStrip();
}

export function drawShell(view) {
  current = view ?? current;
  const views = store.who ? (store.isUser ? USER_VIEWS : DESK_VIEWS) : [];
  const more = store.who && !store.isUser ? [["/declare", "Declare", "d", "declare"], ["/subscriptions", "Subscriptions", "b", "subscriptions"]] : [];
  render(document.getElementById("nav"), ...[...views, ...(store.mayAct ? more : [])].map(([href, text, , name]) => el("a", { href, key: href, "aria-current": current === name ? "page" : null }, text)));
  showCurrent();
  setKeys("Go to", [...views, ...(store.mayAct ? more : [])].map(([href, text, letter]) => ({ key: `g ${letter}`, text, act: () => go(href) })));
  drawTools();
  drawStrip();
}

/** On a phone the views stand in one line that scrolls: the one that is open is in sight. */
function showCurrent() {
  const nav = document.getElementById("nav"), link = nav.querySelector("[aria-current]");
  if (link) nav.scrollLeft = link.offsetLeft - nav.offsetLeft - (nav.clientWidth - link.clientWidth) / 2;
}

function drawTools() {
  const next = { system: "dark", dark: "light", light: "system" };
  const theme = { system: "Theme: system", dark: "Theme: dark", light: "Theme: light" }[preferences.theme];
  const mayName = store.mayAct ? el("button", { class: "quiet", onclick: askName }, "Change") : null;
  const who = store.who ? el("p", { class: "who" }, preferences.name || store.who.name, el("span", { class: "soft" }, ` (${store.who.role}) `), mayName) : null;
  render(document.getElementById("tools"),
    store.who ? el("button", { class: "quiet", title: "Keys", "aria-label": "List the keys", onclick: showKeys }, "?") : null,
    el("details", { class: "menu", key: "menu" }, el("summary", { class: "button quiet" }, "Settings"),
      el("div", { class: "menu-list" }, who,
        el("label", { class: "check" }, el("input", { type: "checkbox", checked: preferences.local, onchange: (event) => prefer({ local: event.target.checked }) }), "local time beside UTC"),
        el("button", { onclick: () => prefer({ theme: next[preferences.theme] }) }, theme),
        store.who && store.who.name !== "demo" ? el("button", { onclick: signOut }, "Sign out") : null)));
}

function askName() {
  askFor("Who acts here?", [{ name: "name", label: "Your name, shown beside what you do", value: preferences.name || store.who.name, required: true }], "Use this name", (values) => prefer({ name: values.name }));
}

async function signOut() {
  await attempt(() => ask("/v1/session", "DELETE"));
  location.assign("/");
}

/** { kind, text }: how old the data is, said truthfully whatever the connection does. */
export function dataAge() {
  const status = store.status;
  if (!status) return { kind: connection.kind === "waiting" ? "critical" : "warning", text: connection.kind === "waiting" ? "No data yet" : "Connecting …" };
  const away = (Date.now() - store.statusAt) / 1000;
  if (!status.data_until) return { kind: "warning", text: "No data yet: nothing was sent" };
  if (status.simulated) return { kind: connection.kind === "live" ? "info" : "critical", text: `Simulated day, data to ${timeText(status.data_until)}` };
  const age = (Date.parse(status.now) - Date.parse(status.data_until)) / 1000 + away;
  const kind = status.fault || age > 3 * status.old_after_s || connection.kind === "signed-out" ? "critical" : age > status.old_after_s || connection.kind !== "live" ? "warning" : "good";
  return { kind, text: age < 48 * 3600 ? `Data ${spanText(age)} old` : `Data to ${timeText(status.data_until)}` };
}

function connectionText() {
  const gone = spanText((Date.now() - connection.since) / 1000);
  if (connection.kind === "signed-out") return null;
  if (connection.kind === "waiting") return `No connection for ${gone} (${connection.reason}); next attempt in ${Math.max(0, Math.ceil((connection.until - Date.now()) / 1000))} s`;
  return connection.kind === "live" ? (store.status?.fault ? `The monitor takes nothing in: ${store.status.fault}` : null) : "Connecting …";
}

export function drawStrip() {
  const strip = document.getElementById("strip");
  strip.hidden = !store.who;
  if (!store.who) return;
  const age = dataAge(), trouble = connectionText();
  const parts = [
    el("span", { class: `light ${age.kind}`, key: "age" }, el("span", { "aria-hidden": "true" }, `${LIGHTS[age.kind]} `), age.text),
    trouble ? el("span", { class: "critical", key: "trouble", role: "alert" }, trouble) : null,
    connection.kind === "signed-out" ? signedOut() : null,
    store.outdated ? el("span", { class: "warning", key: "upgrade", role: "alert" }, "Highwater was upgraded; this page is the one from before. ", el("button", { class: "small", onclick: () => location.reload() }, "Load the new page")) : null,
    ...(store.isUser ? userParts() : deskParts()), nextChange(), signInEnd(),
  ];
  render(strip, ...parts);
  document.body.classList.toggle("stale", connection.kind !== "live" && store.loaded && Date.now() - connection.since > 3000);
}

function signedOut() {
  const ended = store.status?.signed_in_until;
  const text = ended && Date.parse(ended) <= Date.now() + 60e3 ? `Your sign-in ended at ${clockText(ended)} UTC. Sign in again; this board is old.` : "Your sign-in ended. Sign in again; this board is old.";
  return el("span", { class: "critical", key: "signed-out", role: "alert" }, `${text} `, el("button", { class: "small", onclick: () => dispatchEvent(new Event("highwater-sign-in")) }, "Sign in again"));
}

function deskParts() {
  if (!store.loaded) return [el("span", { key: "counts", class: "soft" }, "Open incidents: not read yet")];
  const open = [...store.records.incident.values()].filter(isOpen);
  const counts = [1, 2, 3, 4, 5].map((category) => [category, open.filter((one) => one.category === category).length]).filter(([, count]) => count);
  const unacknowledged = open.filter((one) => !store.stateOf("incidents", one.incident_id)?.acknowledged).sort((a, b) => a.opened_at.localeCompare(b.opened_at))[0];
  const age = unacknowledged ? spanText((store.now() - Date.parse(unacknowledged.opened_at)) / 1000) : null;
  return [
    el("span", { key: "counts" }, counts.length ? "Open: " : "No open incident", ...counts.map(([category, count]) => el("span", { class: `chip category-${category}` }, `Category ${category}: ${count}`))),
    unacknowledged ? el("a", { key: "oldest", href: `/incident/${encodeURIComponent(unacknowledged.incident_id)}` }, `Oldest unacknowledged: ${age}`) : null,
  ];
}

function userParts() {
  if (!store.loaded) return [el("span", { key: "counts", class: "soft" }, "Open alerts: not read yet")];
  const open = [...store.records.alert.values()].filter((one) => one.status !== "resolved").length;
  return [el("span", { key: "counts" }, open ? plural(open, "open alert") : "No open alert")];
}

function nextChange() {
  const now = store.now();
  const ahead = [...store.records.change.values()].filter((one) => Date.parse(one.actual_start || one.planned_start) > now && !["draft", "cancelled", "completed", "rolled_back"].includes(one.status));
  const next = ahead.sort((a, b) => a.planned_start.localeCompare(b.planned_start))[0];
  if (!next && !store.knowsAhead) return null;
  if (!next) return el("span", { key: "next", class: "soft" }, "No change ahead");
  const starts = next.planned_start, wait = (Date.parse(starts) - now) / 1000;
  return el("a", { key: "next", href: `/calendar/${starts.slice(0, 10)}`, title: next.title }, `Next change: ${next.owner} ${wait < 86400 ? `in ${spanText(wait)}` : `at ${timeText(starts)}`}`);
}

function signInEnd() {
  const ends = store.status?.signed_in_until;
  if (!ends || connection.kind === "signed-out") return null;
  const left = (Date.parse(ends) - Date.now()) / 1000;
  return el("span", { key: "sign-in", class: left < 1800 ? "warning" : "soft" }, `Signed in until ${clockText(ends)} UTC`);
}
