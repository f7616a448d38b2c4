// Shows the OpenAPI document: every operation with its parameters, body, answers and an example call.

import { el } from "./core/dom.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

function resolved(schema, document) {
  return schema?.$ref ? document.components.schemas[schema.$ref.split("/").at(-1)] || {} : schema || {};
}

function typeText(schema, document, depth = 0) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choice = schema.anyOf || schema.oneOf;
  if (choice && depth < 3) return choice.map((one) => typeText(one, document, depth + 1)).join(" | ");
  if (schema.type === "array") return `list of ${typeText(schema.items, document, depth + 1) || "anything"}`;
  return [schema.type, schema.format].filter(Boolean).join(", ");
}

function fields(schema, document) {
  const whole = resolved(schema, document), required = new Set(whole.required || []);
  return Object.entries(whole.properties || {}).map(([name, one]) =>
    el("li", {}, el("code", {}, name), required.has(name) ? el("strong", {}, " (required)") : "", ` ${typeText(one, document)}. `, one.description || ""));
}

function body(operation, document) {
  const content = operation.requestBody?.content;
  if (!content) return [];
  return Object.entries(content).flatMap(([type, one]) => {
    const example = one.example ?? Object.values(one.examples || {})[0]?.value;
    const text = typeof example === "string" ? example : example && JSON.stringify(example, null, 2);
    return [el("p", {}, "Body: ", el("code", {}, type)), el("ul", {}, ...fields(one.schema, document)), text ? el("pre", {}, text) : null];
  });
}

function operationCard(path, method, operation, document) {
  const parameters = (operation.parameters || []).map((one) =>
    el("li", {}, el("code", {}, one.name), ` (${one.in}${one.required ? ", required" : ""}) ${typeText(one.schema, document)}. `, one.description || ""));
  const answers = Object.entries(operation.responses || {}).map(([status, one]) => el("li", {}, el("code", {}, status), ` ${one.description}`));
  return el("section", { id: operation.operationId },
    el("h2", {}, el("span", { class: "method" }, method.toUpperCase()), " ", el("code", {}, path)),
    el("p", {}, el("strong", {}, operation.summary || ""), ". ", operation.description || ""),
    parameters.length ? el("ul", {}, ...parameters) : null, ...body(operation, document),
    el("details", {}, el("summary", {}, "Answers"), el("ul", {}, ...answers)));
}

const document_ = await (await fetch("/openapi.json")).json();
document.getElementById("about").textContent = document_.info.description;
const cards = Object.entries(document_.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => operationCard(path, method, item[method], document_)));
document.getElementById("operations").append(...cards);
