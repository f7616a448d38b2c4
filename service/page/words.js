// Makes elements, and writes times and numbers for people. Text is always set as text, never as markup.

let local = false;

export function useLocalTime(wanted) {
  local = wanted;
}

export function el(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function svg(name, attributes = {}, text = null) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  return node;
}

const two = (number) => String(number).padStart(2, "0");

export function timeText(at) {
  if (!at) return "–";
  const date = new Date(at);
  if (local) return `${date.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" })} ${zone(date)}`;
  return `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} UTC`;
}

export function shortTime(at) {
  const date = new Date(at);
  const [day, hours, minutes] = local ? [date.getDate(), date.getHours(), date.getMinutes()] : [date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()];
  return hours === 0 && minutes === 0 ? `day ${day}` : `${two(hours)}:${two(minutes)}`;
}

function zone(date) {
  const part = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts(date).find((one) => one.type === "timeZoneName");
  return part ? part.value : "";
}

export function time(at) {
  return at ? el("time", { datetime: at, title: at }, timeText(at)) : document.createTextNode("–");
}

export function number(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-GB") : String(Number(value.toPrecision(3)));
}

export function chip(text, kind = text) {
  return el("span", { class: `chip ${kind}` }, text);
}
