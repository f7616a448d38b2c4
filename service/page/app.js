// The page: finds out who is signed in, shows the view of the address, and follows the event stream.

import { inTurn, readRate } from "./charts/series_data.js";
import { ask, onSignedOut } from "./core/api.js";
import { Connection } from "./core/connection.js";
import { el } from "./core/dom.js";
import { startKeys } from "./core/keys.js";
import { onPreference } from "./core/preferences.js";
import { route, show, startRouter } from "./core/router.js";
import { store } from "./core/store.js";
import { drawShell, drawStrip, showConnection } from "./parts/shell.js";
import { calendarView } from "./views/calendar.js";
import { companyView } from "./views/company.js";
import { declareView } from "./views/declare.js";
import { handOverView } from "./views/hand_over.js";
import { incidentView } from "./views/incident.js";
import { nightView } from "./views/night.js";
import { nowView } from "./views/now.js";
import { showSignIn, signInAgain } from "./views/sign_in.js";
import { subscriptionsView } from "./views/subscriptions.js";
import { systemView } from "./views/system.js";
import { trafficView } from "./views/traffic.js";
import { userTrafficView } from "./views/user_traffic.js";

const STATUS_EVERY_MS = 5000;
const CHANGES_EVERY_MS = 300_000;
const MOST_RATES = 6; // at a time
const DAY_MS = 86_400_000;

route("/", "now", (root) => (store.isUser ? companyView(root) : nowView(root)));
/** A view that shows every User's data: a User who follows such a link is shown the way to its own. */
const ofDesk = (view) => (root, params) => {
  if (!store.isUser) return view(root, params);
  root.append(el("h1", {}, "This view is for the DCC's desk"), el("p", { class: "empty" }, el("a", { href: "/" }, "Go to My company.")));
  return null;
};

route("/incident/:id", "incident", ofDesk(incidentView));
route("/traffic", "traffic", trafficView);
route("/traffic/:user", "traffic", userTrafficView);
route("/calendar", "calendar", calendarView);
route("/calendar/:day", "calendar", nightView);
route("/hand-over", "hand-over", ofDesk(handOverView));
route("/system", "system", ofDesk(systemView));
route("/declare", "declare", declareView);
route("/subscriptions", "subscriptions", subscriptionsView);

let connection = null, started = false, nextRate = 0;

async function begin() {
  try {
    store.who = await ask("/v1/session");
    if (!store.who) {
      drawShell(null);
      return showSignIn(document.getElementById("main"), begin);
    }
  } catch (fault) {
    drawShell(null);
    document.getElementById("main").textContent = `No answer from the monitor (${fault.message}). Trying again …`;
    return setTimeout(begin, 3000);
  }
  store.clear();
  if (started) return begunAgain();
  const status = await ask("/v1/status").catch(() => null);
  if (!status) return setTimeout(begin, 3000);
  store.setStatus(status);
  started = true;
  follow();
  startRouter(drawShell);
}

/** Another sign-in in the same page: what the one before saw is gone. */
function begunAgain() {
  connection.eventId = null;
  connection.abort.abort();
  connection.hurry();
  show();
}

function follow() {
  connection = new Connection({
    load: async () => {
      const eventId = await store.load();
      readChanges();
      readQueues();
      readRates();
      return eventId;
    },
    onEvent: (kind, record) => {
      store.applyEvent(kind, record);
      if (kind === "alert" && record.severity === "critical" && record.status === "open") document.getElementById("news").textContent = record.summary;
    },
    say: showConnection,
  });
  connection.start();
  setInterval(readStatus, STATUS_EVERY_MS);
  setInterval(readChanges, CHANGES_EVERY_MS);
  setInterval(drawStrip, 1000);
}

async function readStatus() {
  if (document.hidden || connection.state.kind === "signed-out") return;
  const status = await ask("/v1/status").catch(() => null);
  if (status) store.setStatus(status);
  readQueues();
  readRates();
}

/** Live depths between two revisions, while a backlog is open. */
async function readQueues() {
  if (![...store.records.alert.values()].some((one) => one.status !== "resolved" && one.kind === "backlog")) return;
  const found = await ask("/v1/queues").catch(() => null);
  if (!found) return;
  store.queues = found.items;
  store.changed(["queues"]);
}

/** Live rates between two revisions, while a storm is open: by alert, because a User may have two storms. Where many are open they take turns. */
async function readRates() {
  const storms = [...store.records.alert.values()].filter((one) => one.status !== "resolved" && one.kind === "storm" && one.user);
  if (!storms.length && !store.rates.size) return;
  const open = new Set(storms.map((one) => one.alert_id)), until = store.status?.data_until;
  const turn = inTurn(storms, nextRate, MOST_RATES);
  nextRate += turn.length;
  const read = await Promise.all(turn.map((one) => readRate(one, until).then((rate) => [one.alert_id, rate]).catch(() => [one.alert_id, null])));
  store.rates = new Map([...store.rates, ...read].filter(([id, rate]) => rate && open.has(id)));
  store.changed(["queues"]);
}

/** Changes around now, for the strip; views read their own windows. */
async function readChanges() {
  const now = store.now();
  const query = new URLSearchParams({ from: new Date(now - DAY_MS / 2).toISOString(), to: new Date(now + 7 * DAY_MS).toISOString(), limit: "300" });
  const found = await ask(`/v1/calendar?${query}`).catch(() => null);
  if (!found) return;
  for (const change of found.items) store.keep("change", change);
  store.knowsAhead = true;
  store.changed(["ahead"]); // not news of a change: views have read their own
}

onSignedOut(() => connection && connection.state.kind === "live" && connection.abort.abort());
addEventListener("highwater-sign-in", () => signInAgain(begin));
onPreference(() => {
  if (!store.who) return drawShell(null);
  drawShell();
  store.changed(["preference"]);
});
store.listen(() => store.who && drawStrip());
startKeys();
drawShell(null);
begin();
