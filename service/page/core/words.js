// Writes times, spans and numbers for people. Times are UTC; the reader's local time stands beside them on choice.

import { el } from "./dom.js";
import { preferences } from "./preferences.js";

const two = (number) => String(number).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
export const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export function clockText(at) {
  const date = new Date(at);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

export function dayText(at) {
  const date = new Date(at);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

export const monthText = (at) => `${MONTHS[new Date(at).getUTCMonth()]} ${new Date(at).getUTCFullYear()}`;

export function localText(at) {
  const date = new Date(at);
  const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(date).find((part) => part.type === "timeZoneName");
  return `${two(date.getHours())}:${two(date.getMinutes())} ${zone ? zone.value : "local"}`;
}

/** "12:30 UTC" on the day that is looked at, else "6 Jan 12:30 UTC"; with local time beside it on choice. */
export function timeText(at, { day = true, seconds = false } = {}) {
  if (!at) return "–";
  const date = new Date(at);
  const text = `${day ? `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ` : ""}${clockText(at)}${seconds ? `:${two(date.getUTCSeconds())}` : ""} UTC`;
  return preferences.local ? `${text} (${localText(at)})` : text;
}

export function time(at, options) {
  return at ? el("time", { datetime: new Date(at).toISOString(), title: new Date(at).toISOString() }, timeText(at, options)) : "–";
}

/** A span in the two units that matter: "14 min", "3 h 20 min", "2 d 4 h". */
export function spanText(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return days < 10 && hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-GB") : String(Number(value.toPrecision(3)));
}

export function shortNumber(value) {
  const size = Math.abs(value);
  const unit = [[1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([least]) => size >= least);
  return unit ? `${Number((value / unit[0]).toPrecision(3))}${unit[1]}` : String(Number(value.toPrecision(3)));
}

export const percent = (share) => (share === null || share === undefined ? "–" : `${Number((share * 100).toPrecision(share < 0.1 ? 2 : 3))} %`);

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const PROCESSES = { install_and_commission: "install and commission", dcc_alerts: "DCC alerts" };
export const processText = (name) => PROCESSES[name] || name.replaceAll("_", " ");

export function listText(names, most = 4) {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** An instant in milliseconds; NaN (which is false) where there is none. */
export const instant = (text) => (text ? Date.parse(text) : NaN);

/** Times as the records write them, as people read them. */
export const plainTimes = (text) => text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z/g, (at) => timeText(at));
