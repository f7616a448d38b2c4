// Calendar: a month by declared load against capacity, with conflicts, tests and what is missing; a day leads to its night.

import { ask, askText } from "../core/api.js";
import { attempt, showDialog, unread } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { onPreference } from "../core/preferences.js";
import { query, setQuery } from "../core/router.js";
import { store } from "../core/store.js";
import { clockText, DAYS, monthText, number, plainTimes, plural, time } from "../core/words.js";
import { table } from "../parts/alert_table.js";
import { CATEGORIES, categoryText, DAY, readCalendar } from "../parts/calendar_data.js";

const MONTH = /^\d{4}-\d{2}$/;
const ROWS = 200;
const FIRST = 1000;
const MOST = 5000;
const ISSUE_FORMATS = [["html", "Print (HTML)"], ["xlsx", "Excel"], ["csv", "CSV"], ["ics", "iCalendar"], ["md", "Markdown"], ["json", "JSON"]];

export function calendarView(root) {
  const view = new Calendar(root);
  return { leave: () => view.leave() };
}

class Calendar {
  constructor(root) {
    this.root = root;
    const asked = query();
    this.month = MONTH.test(asked.month || "") ? asked.month : new Date(store.now()).toISOString().slice(0, 7);
    this.filters = { q: asked.q || "", owner: asked.owner || "", category: asked.category || "" };
    this.owners = new Set();
    this.shown = ROWS;
    this.limit = FIRST;
    this.build();
    this.unprefer = onPreference(() => this.page && this.draw());
    this.unlisten = store.listen((kinds) => (kinds.has("change") || kinds.has("report")) && this.readSoon());
    this.read();
  }

  leave() {
    this.unprefer();
    this.unlisten();
    clearTimeout(this.soon);
  }

  build() {
    this.title = el("h1", {});
    const filter = (name) => (event) => this.filter({ [name]: event.target.value });
    const search = el("input", { type: "search", placeholder: "Id, title, service …", "aria-label": "Search changes", value: this.filters.q, oninput: filter("q") });
    this.ownerNames = el("datalist", { id: "owners" });
    const owner = el("input", { type: "search", class: "short", list: "owners", placeholder: "Owner", "aria-label": "Only this owner", value: this.filters.owner, oninput: filter("owner") });
    const category = el("select", { "aria-label": "Only this kind of change", onchange: filter("category") }, ...[["", "All kinds"], ...CATEGORIES].map(([value, text]) => el("option", { value, selected: value === this.filters.category }, text)));
    this.grid = el("div", { class: "month" });
    this.conflicts = el("div", {});
    this.missing = el("div", {});
    this.list = el("div", {});
    const step = (by, text) => el("button", { "aria-label": text, onclick: () => this.step(by) }, by < 0 ? "‹" : "›");
    this.root.append(
      el("div", { class: "view-head" }, el("div", { class: "tools" }, step(-1, "Month before"), this.title, step(1, "Month after")),
        el("div", { class: "tools" }, search, owner, this.ownerNames, category, store.isUser ? null : el("button", { onclick: () => this.publish() }, "Publish month"), store.isUser || store.mayAct ? el("a", { class: "button", href: "/declare" }, "Declare a change") : null)),
      this.grid, this.conflicts, this.missing, el("section", { class: "panel" }, el("h2", {}, "Changes of the month"), this.list));
  }

  filter(changed) {
    Object.assign(this.filters, changed);
    setQuery(changed);
    this.shown = ROWS;
    this.readSoon();
  }

  step(by) {
    const at = new Date(`${this.month}-15T00:00:00Z`);
    at.setUTCMonth(at.getUTCMonth() + by);
    this.month = at.toISOString().slice(0, 7);
    setQuery({ month: this.month });
    this.read();
  }

  get span() {
    const first = Date.parse(`${this.month}-01T00:00:00Z`), next = new Date(first);
    next.setUTCMonth(next.getUTCMonth() + 1);
    const from = first - ((new Date(first).getUTCDay() + 6) % 7) * DAY;
    const to = next.getTime() + ((7 - ((next.getUTCDay() + 6) % 7)) % 7) * DAY;
    return { first, last: next.getTime(), from, to };
  }

  readSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.read(), 400);
  }

  async read() {
    const { from, to, first } = this.span, asked = (this.asked = (this.asked || 0) + 1);
    render(this.title, monthText(first));
    const [page, reports] = await Promise.all([readCalendar(from, to, { ...this.filters, limit: this.limit }), ask("/v1/change-reports?limit=1000")].map((reading) => reading.catch((fault) => ({ fault }))));
    if (asked !== this.asked) return; // another month or filter was asked for meanwhile
    if (page.fault) return render(this.list, unread(page.fault, () => this.read()));
    this.page = page;
    this.days = new Map(page.days.map((one) => [one.day, one]));
    this.overlaps = page.conflicts.map((one) => ({ from: Date.parse(one.from), to: Date.parse(one.to) }));
    for (const one of page.items) this.owners.add(one.owner);
    render(this.ownerNames, ...[...this.owners].sort().map((name) => el("option", { value: name })));
    this.load = new Map(page.load.map((one) => [one.day, one]));
    this.reports = new Map((reports.items || []).map((one) => [`${one.owner || ""}/${one.change_id}`, one]));
    this.draw();
  }

  draw() {
    const { from, to } = this.span, { items } = this.page;
    const cells = [];
    for (let day = from; day < to; day += DAY) cells.push(this.cell(day));
    render(this.grid, ...DAYS.map((name) => el("div", { class: "weekday" }, name)), ...cells);
    this.drawConflicts();
    this.drawList(items);
  }

  cell(day) {
    const { first, last } = this.span, today = Math.floor(store.now() / DAY) * DAY;
    const name = new Date(day).toISOString().slice(0, 10), load = this.load.get(name), share = load ? load.per_s / load.capacity_per_s : 0;
    const conflicts = this.overlaps.filter((one) => one.from < day + DAY && one.to > day).length;
    const { dcc = 0, other = 0, tests = 0 } = this.days.get(name) || {};
    const bar = el("i", {});
    bar.style.width = `${Math.min(100, 100 * share)}%`;
    const loadText = load ? `declared load ${number(load.per_s)} messages a second at ${clockText(Date.parse(load.at))} UTC; ${number(load.capacity_per_s)} can be carried` : "";
    const counts = [dcc ? `${dcc} DCC` : null, other ? `${other} other` : null].filter(Boolean).join(", ");
    return el("a", { class: `day${day < first || day >= last ? " outside" : ""}${day === today ? " today" : ""}`, key: day, href: `/calendar/${name}` },
      el("strong", {}, String(new Date(day).getUTCDate())), el("span", { class: "visually-hidden" }, `${plural(dcc + other, "change")}${loadText ? `, ${loadText}` : ""}`), load ? el("span", { class: `load${share > 1 ? " over" : ""}`, title: loadText }, bar) : null,
      el("span", { class: "detail" }, counts ? el("div", {}, counts) : null), dcc + other ? el("div", { class: "compact", "aria-hidden": "true" }, number(dcc + other)) : null, tests ? el("div", { class: "warning" }, "◆", el("span", { class: "detail" }, " recovery test")) : null, conflicts ? el("div", { class: "critical" }, `▲ ${conflicts}`, el("span", { class: "detail" }, conflicts === 1 ? " conflict" : " conflicts")) : null);
  }

  drawConflicts() {
    const { conflicts, conflicts_incomplete: incomplete, missing } = this.page;
    render(this.conflicts, conflicts.length ? el("details", { class: "panel", open: conflicts.length < 6 }, el("summary", {}, el("h2", {}, `Conflicts (${conflicts.length}${incomplete ? " or more" : ""})`)), incomplete ? el("p", { class: "hint" }, "There may be more conflicts than these: choose a day, an owner or a category.") : null, ...conflicts.slice(0, 100).map((one) => el("p", { class: "conflict" }, plainTimes(one.text), " ", el("a", { href: `/calendar/${one.from.slice(0, 10)}` }, "Show that night")))) : null);
    render(this.missing, missing.length ? el("details", { class: "panel" }, el("summary", {}, el("h2", {}, `Missing under the SEC (${missing.length})`)), el("ul", {}, ...missing.slice(0, 200).map((one) => el("li", {}, el("strong", {}, `${one.change_id}, ${one.item}`), ` ${one.text}`)))) : null);
  }

  drawList(items) {
    if (!items.length) return render(this.list, el("p", { class: "empty" }, Object.values(this.filters).some(Boolean) ? "No change fits the search and the filters." : "No change is declared in this month."));
    const rows = items.slice(0, this.shown).map((one) => {
      const report = this.reports.get(`${one.owner}/${one.change_id}`) || this.reports.get(`/${one.change_id}`);
      return el("tr", { key: `${one.owner}/${one.change_id}` }, el("td", {}, time(one.actual_start || one.planned_start), el("br"), time(one.actual_end || one.planned_end)), el("td", {}, el("strong", {}, one.change_id), el("br"), one.title), el("td", {}, one.owner), el("td", {}, categoryText(one.category)), el("td", {}, one.status.replaceAll("_", " ")),
        el("td", {}, report ? [report.verdict.replaceAll("_", " "), report.contested ? el("span", { class: "chip attention", title: report.contested.reason || "" }, `contested by ${report.contested.by}`) : null] : "–"));
    });
    const left = items.length - rows.length, unread = this.page.total - items.length;
    render(this.list, table(["Time", "Change", "Owner", "Kind", "State", "Report"], rows, "Changes of the month"),
      left > 0 ? el("button", { key: "more", onclick: () => { this.shown += ROWS; this.drawList(items); } }, `Show ${Math.min(left, ROWS)} more of ${number(this.page.total)}`) : null,
      left <= 0 && unread > 0 ? this.unread(unread) : null);
  }

  unread(count) {
    if (this.limit === MOST) return el("p", { class: "soft", key: "unread" }, `${number(count)} more fit: narrow the search, or open a day.`);
    return el("button", { key: "unread", onclick: () => { this.limit = MOST; this.shown += ROWS; this.read(); } }, `Show more of ${number(this.page.total)}`);
  }

  async publish() {
    const { first } = this.span, link = (format) => `/v1/calendar/issue?month=${this.month}&format=${format}`;
    const markdown = await attempt(() => askText(link("md")));
    if (markdown === null) return;
    const text = el("textarea", { class: "preformatted", "aria-label": "The month as Markdown", readonly: true, rows: "14", value: markdown });
    const formats = ISSUE_FORMATS.map(([format, name]) => el("a", { class: "button", href: link(format), download: `changes-${this.month}.${format}` }, name));
    showDialog(`Publish ${monthText(first)}`, [el("p", {}, "The DCC's changes with what SEC H8.4 asks for; Users' changes only where their owner made a summary public."), el("div", { class: "tools" }, ...formats), text]);
  }
}
