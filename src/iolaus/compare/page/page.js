// What report.html does: sorts and filters its table, draws its figures when they come into view, copies commands.
"use strict";
const root = document.documentElement;
const preferred = window.matchMedia("(prefers-color-scheme: dark)");
const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));

// ---- figures ----------------------------------------------------------------------------------------------------

const hasWebGL = (() => {
  try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
})();
const drawn = new Set();

// Figures name colours by their role, as var(--role); the page's theme says which they are.
function themed(value, style) {
  if (typeof value === "string") {
    return value.startsWith("var(--") ? style.getPropertyValue(value.slice(4, -1)).trim() : value;
  }
  if (Array.isArray(value)) return value.length > 64 ? value : value.map((item) => themed(item, style));
  if (value === null || typeof value !== "object" || "bdata" in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, style)]));
}

function themedLayout(layout, style) {
  const [text, soft, grid, border, surface] = ["text", "soft", "grid", "border", "surface"].map(
    (role) => style.getPropertyValue("--" + role).trim());
  const result = {
    ...themed(layout, style),
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: style.getPropertyValue("--sans").trim(), size: 12.5, color: text },
    hoverlabel: { bgcolor: surface, bordercolor: border, font: { color: text } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: text },
  };
  for (const key of Object.keys(result)) {
    if (/^[xy]axis\d*$/.test(key)) {
      result[key] = { gridcolor: grid, linecolor: border, zeroline: false, tickfont: { color: soft, size: 11.5 }, ...result[key] };
    }
  }
  return result;
}

function withoutWebGL(trace) {
  return trace.type === "scattergl" ? { ...trace, type: "scatter" } : trace;
}

function draw(panel) {
  const view = panel.querySelector("select")?.value ?? "0";
  const place = panel.querySelector(".figure");
  const source = document.getElementById(`figure-${panel.dataset.panel}-${view}`);
  const figure = JSON.parse(source.textContent);
  drawn.add(panel);
  if (typeof figure === "string") return say(place, figure);
  if (!hasWebGL && figure.data.some((trace) => trace.type === "parcoords")) {
    return say(place, "This browser has no WebGL, which parallel axes are drawn with.");
  }
  const style = getComputedStyle(root);
  const traces = themed(figure.data, style);
  place.classList.remove("none");
  Plotly.react(place, hasWebGL ? traces : traces.map(withoutWebGL), themedLayout(figure.layout, style), {
    responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg", filename: panel.id },
  });
  place.removeAllListeners?.("plotly_click");
  place.on("plotly_click", (event) => visit(event.points[0].customdata));
}

function say(place, sentence) {
  if (window.Plotly) Plotly.purge(place);
  place.textContent = sentence;
  place.classList.add("none");
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) { watcher.unobserve(entry.target); draw(entry.target); }
  }
}, { rootMargin: "500px" });

for (const panel of all("[data-panel]")) {
  watcher.observe(panel);
  panel.querySelector("select")?.addEventListener("change", () => draw(panel));
}

// ---- theme ------------------------------------------------------------------------------------------------------

function setTheme(name) {
  root.dataset.theme = name;
  drawn.forEach(draw);
}
document.getElementById("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
preferred.addEventListener("change", () => setTheme(preferred.matches ? "dark" : "light"));
root.dataset.theme = preferred.matches ? "dark" : "light";

// ---- table ------------------------------------------------------------------------------------------------------

const table = document.getElementById("table");
const body = table.tBodies[0];
const rows = all("tr", body);
const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
const filter = document.getElementById("filter");
const boxes = all(".filters input[type=checkbox]");

function sortBy(header) {
  const column = header.cellIndex;
  const isNumber = header.classList.contains("n");
  const first = header.dataset.first ?? "ascending";
  const order = header.getAttribute("aria-sort") === first ? (first === "ascending" ? "descending" : "ascending") : first;
  const sign = order === "ascending" ? 1 : -1;
  const key = (row) => {
    const text = row.cells[column].dataset.v ?? row.cells[column].textContent;
    return isNumber ? (text === "" ? NaN : Number(text)) : text;
  };
  const keyed = rows.map((row, place) => ({ row, key: key(row), place }));
  keyed.sort((one, other) => {
    if (isNumber) {
      const missing = Number.isNaN(one.key) - Number.isNaN(other.key); // whatever the order, gaps come last
      return missing || sign * (one.key - other.key) || one.place - other.place;
    }
    return sign * one.key.localeCompare(other.key, undefined, { numeric: true }) || one.place - other.place;
  });
  all("th[aria-sort]", table).forEach((other) => other.setAttribute("aria-sort", "none"));
  header.setAttribute("aria-sort", order);
  body.append(...keyed.map((entry) => entry.row));
  setCurrent(body.querySelector("tr:not([hidden])"));
}

function show() {
  const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  let count = 0;
  for (const row of rows) {
    const isShown = states.has(row.dataset.state) && wanted.every((word) => words.get(row).includes(word));
    row.hidden = !isShown;
    count += isShown;
  }
  document.getElementById("shown").textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  setCurrent(body.querySelector("tr:not([hidden])"));
}

// One row at a time is in the order of the Tab key; the arrows move through them, Enter opens the long cells.
let current = null;
function setCurrent(row) {
  if (current) current.tabIndex = -1;
  current = row ?? null;
  if (current) current.tabIndex = 0;
}
function neighbour(row, side) {
  let next = row[side];
  while (next && next.hidden) next = next[side];
  return next;
}
body.addEventListener("focusin", (event) => setCurrent(event.target.closest("tr")));
body.addEventListener("keydown", (event) => {
  if (event.target !== current) return; // a button within the row
  if (event.key === "ArrowDown") neighbour(current, "nextElementSibling")?.focus();
  else if (event.key === "ArrowUp") neighbour(current, "previousElementSibling")?.focus();
  else if (event.key === "Enter" || event.key === " ") current.classList.toggle("open");
  else return;
  event.preventDefault();
});
body.addEventListener("click", (event) => {
  if (event.target.closest("button") || String(window.getSelection())) return;
  event.target.closest("tr")?.classList.toggle("open");
});

all("th button", table).forEach((button) => button.addEventListener("click", () => sortBy(button.closest("th"))));
filter.addEventListener("input", show);
boxes.forEach((box) => box.addEventListener("change", show));
show();

function visit(place) {
  const row = document.getElementById(`trial-${place}`);
  if (!row) return;
  if (row.hidden) { filter.value = ""; boxes.forEach((box) => { box.checked = true; }); show(); }
  all("tr.marked", body).forEach((other) => other.classList.remove("marked"));
  row.classList.add("marked", "open");
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "center" });
}
addEventListener("click", (event) => {
  const link = event.target.closest("a[data-trial]");
  if (link) { event.preventDefault(); visit(link.dataset.trial); }
});

// ---- copying ----------------------------------------------------------------------------------------------------

function announce(sentence) {
  const said = document.getElementById("said");
  said.textContent = sentence;
  said.classList.add("on");
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => said.classList.remove("on"), 1600);
}
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a page opened from a file may have no clipboard of its own
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce("Copied");
}
addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) copy(button.parentElement.querySelector("code").textContent);
});
