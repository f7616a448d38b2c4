// One User's traffic: its series against what is due, its queues and its changes.

import { all, ask, withQuery } from "../core/api.js";
import { attempt } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { query } from "../core/router.js";
import { store } from "../core/store.js";
import { alertRows } from "../parts/alert_table.js";
import { Habits } from "../parts/habits.js";
import { UserFigures } from "../parts/user_figures.js";

const HOUR = 3_600_000;

export function userTrafficView(root, { user }) {
  const asked = query(), now = Math.min(store.now(), Date.parse(store.status?.data_until || new Date().toISOString()));
  const to = Math.min(Date.parse(asked.to) || now, now), from = Date.parse(asked.from) || to - 24 * HOUR;
  let alerts = [];
  const figures = new UserFigures(user, from, to, { alerts: () => alerts.filter((one) => one.severity !== "info") });
  const choice = el("select", { "aria-label": "Series", onchange: () => figures.choose(JSON.parse(choice.value)) }, el("option", { value: "{}" }, "All series together"));
  const habits = store.isUser ? null : new Habits(user);
  const rows = el("div", {});
  root.append(
    el("div", { class: "view-head" }, el("div", {}, el("p", { class: "soft" }, el("a", { href: "/traffic" }, "Traffic"), " ›"), el("h1", {}, user)), el("div", { class: "tools" }, choice)),
    el("section", { class: "panel" }, figures.node),
    el("section", { class: "panel" }, el("h2", {}, "Alerts of this User"), rows),
    habits ? el("section", { class: "panel" }, el("h2", {}, "Habits of this User"), habits.node) : "");
  habits?.read();
  attempt(async () => {
    alerts = await all("/v1/alerts", { user }, 200);
    render(rows, alertRows(alerts.slice(0, 100)));
    await figures.read();
    const names = await ask(withQuery("/v1/series/names", { user, kind: "traffic", limit: 1000 }));
    render(choice, el("option", { value: "{}" }, "All series together"), ...names.items.map(({ series }) => el("option", { value: JSON.stringify(chosen(series)) }, [series.message_class, series.service, series.region].filter(Boolean).join(" · "))));
  });
  return { leave: () => figures.leave() };
}

const chosen = (series) => Object.fromEntries(["message_class", "service", "region"].filter((name) => series[name]).map((name) => [name, series[name]]));
