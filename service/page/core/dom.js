// Builds elements, and brings a standing tree in line with a wanted one in place, so that focus, open details and scroll survive.
// Text is always set as text, never as markup.

const PROPERTIES = new Set(["value", "checked", "selected", "disabled", "hidden", "readOnly"]);

export function el(name, properties = {}, ...children) {
  return dressed(document.createElement(name), properties, children);
}

export function svg(name, properties = {}, ...children) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

function dressed(node, properties, children) {
  const later = [];
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "key") node.key = value;
    else if (name.startsWith("on")) listen(node, name.slice(2), value);
    else if (PROPERTIES.has(name)) later.push([name, value]);
    else node.setAttribute(name === "class" ? "class" : name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  for (const [name, value] of later) given(node, name, value);
  return node;
}

function given(node, name, value) {
  (node.given ??= {})[name] = value;
  node[name] = value;
}

function listen(node, type, handler) {
  node.handlers ??= {};
  if (!(type in node.handlers)) node.addEventListener(type, dispatch);
  node.handlers[type] = handler;
}

function dispatch(event) {
  event.currentTarget.handlers[event.type]?.(event);
}

/** An item of a list that is built only when its signature differs from the standing one's. */
export function lazy(key, signature, build) {
  return { key, signature, build };
}

/** Makes `parent` hold exactly `wanted` (nodes, texts or lazy items), keeping what stands wherever it is alike. */
export function render(parent, ...wanted) {
  const focused = document.activeElement;
  arrange(parent, wanted.flat().filter((one) => one !== null && one !== undefined && one !== false));
  if (focused !== document.activeElement && focused?.isConnected && parent.contains(focused)) focused.focus({ preventScroll: true });
}

function arrange(parent, wanted) {
  const keys = new Set(wanted.map((one) => one.key).filter((key) => key !== undefined));
  const standing = new Map();
  for (const child of [...parent.childNodes]) {
    if (child.key === undefined) continue;
    if (keys.has(child.key)) standing.set(child.key, child);
    else child.remove();
  }
  let cursor = parent.firstChild;
  for (const one of wanted) {
    const match = one.key === undefined ? unkeyed(cursor) : standing.get(one.key);
    const placed = settled(match, one);
    if (placed === cursor) cursor = cursor.nextSibling;
    else put(parent, placed, cursor);
    if (match && placed !== match && match !== cursor) match.remove();
  }
  while (cursor) {
    const following = cursor.nextSibling;
    cursor.remove();
    cursor = following;
  }
}

const unkeyed = (node) => (node && node.key === undefined ? node : null);

function put(parent, node, before) {
  if (node.parentNode === parent && parent.moveBefore) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

/** The node that stands for `one`: `match` itself, changed to look like it, or a new one. */
function settled(match, one) {
  const isLazy = typeof one.build === "function";
  if (isLazy && match && match.signature === one.signature) return match;
  const node = isLazy ? one.build() : typeof one === "string" || typeof one === "number" ? document.createTextNode(String(one)) : one;
  if (isLazy) node.key = one.key;
  const place = match && alike(match, node) ? morph(match, node) : node;
  if (isLazy) place.signature = one.signature;
  return place;
}

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.key === b.key;

function morph(old, next) {
  if (old === next) return old;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return old;
  }
  for (const { name, value } of [...next.attributes]) if (old.getAttribute(name) !== value) setAttribute(old, name, value);
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && !kept(old, name)) old.removeAttribute(name);
  for (const type of Object.keys(old.handlers || {})) if (!next.handlers?.[type]) old.handlers[type] = undefined;
  for (const [type, handler] of Object.entries(next.handlers || {})) listen(old, type, handler);
  if (!next.hasAttribute("data-owned")) arrange(old, [...next.childNodes]);
  const before = old.given || {}, wanted = next.given || {};
  for (const [name, value] of Object.entries(wanted)) if (before[name] !== value) given(old, name, value);
  for (const name of Object.keys(before)) if (!(name in wanted)) reset(old, name);
  return old;
}

/** The page's own policy refuses a style attribute that a script writes, but not the property. */
function setAttribute(node, name, value) {
  if (name === "style") node.style.cssText = value;
  else node.setAttribute(name, value);
}

/** What the reader did to an element is the reader's. */
const kept = (node, name) => name === "open" || (name === "hidden" && node.given?.hidden !== undefined);

function reset(node, name) {
  delete node.given[name];
  if (typeof node[name] === "boolean") node[name] = false;
}
