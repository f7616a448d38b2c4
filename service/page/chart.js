// Draws queue depth with the windows of changes behind it, and the calendar's lanes, on one kind of time axis.

import { number, shortTime, svg, time, el } from "./words.js";

const LEFT = 64, RIGHT = 14, TOP = 26, BOTTOM = 24;

function axis(node, width, height, from, to) {
  const x = (at) => LEFT + ((at - from) / (to - from || 1)) * (width - LEFT - RIGHT);
  const hours = [1, 2, 3, 6, 12, 24, 48].find((step) => (to - from) / 3600e3 / step <= 9) || 96;
  for (let at = Math.ceil(from / (hours * 3600e3)) * hours * 3600e3; at <= to; at += hours * 3600e3) {
    node.append(svg("line", { x1: x(at), x2: x(at), y1: TOP, y2: height - BOTTOM, class: "grid-line" }));
    node.append(svg("text", { x: x(at), y: height - 8, "text-anchor": "middle" }, shortTime(at)));
  }
  return x;
}

const startOf = (change) => Date.parse(change.actual_start || change.planned_start);
const endOf = (change) => Date.parse(change.actual_end || change.planned_end);

export function drawQueue(node, caption, table, chart, changes) {
  node.replaceChildren();
  const points = chart ? chart.points.map(([at, low, high, mean, last]) => ({ at: Date.parse(at), low, high, mean, last })) : [];
  const width = node.clientWidth || 900, height = node.clientHeight || 288;
  node.setAttribute("viewBox", `0 0 ${width} ${height}`);
  if (points.length < 2) {
    caption.textContent = "Nothing was reported in this span.";
    table.replaceChildren();
    return;
  }
  const from = points[0].at, to = points[points.length - 1].at, top = Math.max(1, ...points.map((point) => point.high));
  const x = axis(node, width, height, from, to);
  const y = (value) => height - BOTTOM - (value / top) * (height - TOP - BOTTOM);
  const shown = changes.filter((change) => endOf(change) >= from && startOf(change) <= to && change.status !== "cancelled");
  shown.forEach((change, index) => {
    const left = Math.max(x(startOf(change)), LEFT), right = Math.min(x(endOf(change)), width - RIGHT);
    const band = svg("rect", { x: left, y: TOP, width: Math.max(right - left, 2), height: height - TOP - BOTTOM, class: "window" });
    band.append(svg("title", {}, `${change.title} (${change.owner})`));
    node.append(band, svg("text", { x: Math.min(left + 3, width - 120), y: 11 + (index % 2) * 12, class: "window-name" }, change.change_id));
  });
  for (const share of [0, 0.5, 1]) {
    node.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(top * share), y2: y(top * share), class: "grid-line" }));
    node.append(svg("text", { x: LEFT - 6, y: y(top * share) + 4, "text-anchor": "end" }, number(top * share)));
  }
  const outline = [...points.map((point) => `${x(point.at)},${y(point.high)}`), ...points.slice().reverse().map((point) => `${x(point.at)},${y(point.low)}`)];
  node.append(svg("polygon", { points: outline.join(" "), class: "area" }));
  node.append(svg("polyline", { points: points.map((point) => `${x(point.at)},${y(point.last)}`).join(" "), class: "depth" }));
  const peak = points.reduce((most, point) => (point.high > most.high ? point : most));
  caption.replaceChildren(
    `${chart.series.user}, queue ${chart.series.queue}: now ${number(points[points.length - 1].last)} waiting, most ${number(peak.high)} at `,
    time(new Date(peak.at).toISOString()),
    shown.length ? `. Shaded: windows of ${shown.map((change) => change.change_id).join(", ")}.` : ".",
  );
  fillTable(table, points);
}

function fillTable(table, points) {
  const step = Math.max(1, Math.ceil(points.length / 48));
  const rows = points.filter((_, index) => index % step === 0).map((point) =>
    el("tr", {}, el("td", {}, time(new Date(point.at).toISOString())), el("td", {}, number(point.low)), el("td", {}, number(point.high)), el("td", {}, number(point.last))));
  const head = el("tr", {}, ...["Window", "Lowest", "Highest", "Last"].map((text) => el("th", { scope: "col" }, text)));
  table.replaceChildren(el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))));
}

export function drawLanes(node, changes, now) {
  node.replaceChildren();
  if (!changes.length) return;
  const from = Math.min(now - 12 * 3600e3, ...changes.map(startOf)), to = Math.max(now + 12 * 3600e3, ...changes.map(endOf));
  const width = node.clientWidth || 900, height = TOP + BOTTOM + changes.length * 18;
  node.setAttribute("viewBox", `0 0 ${width} ${height}`);
  node.setAttribute("height", height);
  const x = axis(node, width, height, from, to);
  changes.forEach((change, index) => {
    const left = x(startOf(change)), right = x(endOf(change)), at = TOP + index * 18;
    const band = svg("rect", { x: left, y: at + 2, width: Math.max(right - left, 3), height: 13, rx: 3, class: "window" });
    band.append(svg("title", {}, `${change.title} (${change.owner})`));
    const flip = right > width - 190;
    node.append(band, svg("text", { x: flip ? left - 5 : right + 5, y: at + 13, "text-anchor": flip ? "end" : "start" }, `${change.change_id} · ${change.owner}`));
  });
  node.append(svg("line", { x1: x(now), x2: x(now), y1: TOP, y2: height - BOTTOM, class: "now" }));
}
