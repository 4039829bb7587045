--- /: a page to look at. One file without a build step, which follows /events and reads
--- /metrics. What members say of themselves is only ever text there. `shoal sim --page`
--- (replay.lua) puts a recorded run in the place of what is live in it.

return [==[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>shoal</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #17202b; --faint: #566373; --line: #d7dde4;
  --alive: #16794c; --suspect: #9a5b00; --down: #c02626; --own: #2456c8 }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { --back: #11161d; --card: #1a212b; --text: #e6ebf1;
  --faint: #9aa8b8; --line: #313c4a; --alive: #4cc38a; --suspect: #f0a94a; --down: #ff7b72; --own: #82aaff } }
:root[data-theme=light] { color-scheme: light }
:root[data-theme=dark] { color-scheme: dark; --back: #11161d; --card: #1a212b; --text: #e6ebf1; --faint: #9aa8b8;
  --line: #313c4a; --alive: #4cc38a; --suspect: #f0a94a; --down: #ff7b72; --own: #82aaff }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: baseline; padding: .8rem 1.2rem;
  background: var(--card); border-bottom: 1px solid var(--line) }
h1 { font-size: 1.15rem; margin: 0 } h2 { font-size: 1rem; margin: 0 0 .5rem }
main { display: grid; gap: 1rem; padding: 1rem 1.2rem; grid-template-columns: repeat(12, minmax(0, 1fr)) }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  grid-column: span 12 }
@media (min-width: 62rem) { .wide { grid-column: span 8 } .narrow { grid-column: span 4 } }
.faint { color: var(--faint) } .right { margin-left: auto }
#status { font-weight: 600 } #status.live { color: var(--alive) } #status.lost { color: var(--down) }
.scroll { overflow: auto; max-height: 26rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--faint); padding-bottom: .3rem }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere }
.alive, .passing { color: var(--alive) } .suspect, .warning, .maintenance { color: var(--suspect) }
.down, .critical { color: var(--down) } tr.gone td { opacity: .85 }
#ring { max-width: 22rem; margin: auto } tr.own td:nth-child(2)::after { content: " (this)" }
button, input { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line);
  border-radius: .35rem; padding: .2rem .6rem }
:focus-visible { outline: 3px solid var(--own); outline-offset: 1px }
.skip { position: absolute; left: -99rem } .skip:focus { left: .5rem; top: .5rem; background: var(--card) }
#plots { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); margin: 0 }
#plots dt { color: var(--faint) } #plots dd { margin: 0; font-weight: 600 } svg { display: block; width: 100% }
#log { margin: .6rem 0 0; padding-left: 0; list-style: none; max-height: 14rem; overflow: auto }
</style>
</head>
<body>
<a class="skip" href="#members">To the members</a>
<header>
<h1>shoal <span id="node" class="faint"></span></h1>
<span id="status" role="status">connecting</span>
<span id="counts"></span>
<button id="theme" class="right" type="button">Dark or light</button>
</header>
<main>
<section class="wide" id="members" aria-labelledby="h-members"><h2 id="h-members">Members</h2>
<p><label>Filter <input id="filter" type="search" size="26" placeholder="name, address, state, tag"></label>
<span id="more" class="faint"></span></p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="h-members"><table>
<caption>All members that this node knows</caption>
<thead><tr><th scope="col">State</th><th scope="col">Name</th><th scope="col">Address</th>
<th scope="col">Round trip</th><th scope="col">Since</th><th scope="col">Tags</th></tr></thead>
<tbody id="rows"></tbody></table></div></section>
<section class="narrow" aria-labelledby="h-ring"><h2 id="h-ring">Who is probed</h2>
<svg id="ring" viewBox="0 0 300 300" role="img" aria-labelledby="probed"></svg>
<p id="probed" class="faint">no probe yet</p></section>
<section class="wide" aria-labelledby="h-services"><h2 id="h-services">Services</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="h-services"><table>
<caption>What members offer, and what their checks say</caption>
<thead><tr><th scope="col">Service</th><th scope="col">Address</th><th scope="col">State</th>
<th scope="col">Weight</th><th scope="col">Member</th><th scope="col">Tags</th></tr></thead>
<tbody id="services"></tbody></table></div></section>
<section class="narrow" aria-labelledby="h-plots"><h2 id="h-plots">Counters</h2><dl id="plots"></dl></section>
<section aria-labelledby="h-line"><h2 id="h-line">Time line</h2>
<svg id="line" viewBox="0 0 1000 60" preserveAspectRatio="none" role="img" aria-label="Events of the last ten minutes">
</svg><ol id="log" tabindex="0" aria-label="Latest events"></ol></section>
</main>
<script>
"use strict";
const $ = id => document.getElementById(id);
const MOST_ROWS = 500, MOST_RING = 200, MOST_LOG = 100, SPAN = 600;
const members = new Map(), past = [];
let own = null, isReady = false, wanted = false, offset = 0, probed = null;

const keyOf = addr => typeof addr === "string" ? addr : JSON.stringify(addr);
const nameOf = m => m.id && m.id.name !== undefined ? String(m.id.name) : "";
// A recorded run has its own.
let now = () => Date.now() / 1000 + offset;
let range = () => [now() - SPAN, now()];
let clock = time => new Date(time * 1000).toLocaleTimeString();
let probes = () => own && probed ? [[keyOf(own.addr), probed]] : [];
const shown = value => typeof value === "string" ? value : JSON.stringify(value);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}
function drawn(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  return made;
}
function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return s + "s";
  if (s < 3600) return Math.floor(s / 60) + "m" + s % 60 + "s";
  if (s < 86400) return Math.floor(s / 3600) + "h" + Math.floor(s % 3600 / 60) + "m";
  return Math.floor(s / 86400) + "d" + Math.floor(s % 86400 / 3600) + "h";
}
const roundTrip = rtt => rtt === undefined ? "" : rtt < 1 ? (rtt * 1000).toPrecision(3) + " ms" : rtt.toFixed(2) + " s";

// ---- What there is ----

const ORDER = { down: 0, suspect: 1, alive: 2 };
function list() {
  const all = [...members.values()];
  if (own) all.push(Object.assign({ isOwn: true }, own));
  return all.sort((a, b) => ORDER[a.state] - ORDER[b.state] || (nameOf(a) + keyOf(a.addr) < nameOf(b) + keyOf(b.addr)
    ? -1 : 1));
}
const tagsOf = m => Object.entries(m.tags || {}).filter(([k]) => !k.startsWith("service."))
  .map(([k, v]) => k + "=" + shown(v)).join(" ");
function servicesOf(all) {
  const found = [];
  for (const m of all) {
    if (m.state === "down") continue;
    for (const [tag, value] of Object.entries(m.tags || {})) {
      if (!tag.startsWith("service.") || typeof value !== "object" || value === null) continue;
      const given = value.host || keyOf(m.addr).replace(/:\d+$/, "");
      const host = /^[^[]*:.*:/.test(given) ? "[" + given + "]" : given;
      const tags = Array.isArray(value.tags) ? value.tags.map(shown).join(" ") : "";
      found.push({ name: tag.slice(8), addr: value.port === undefined ? host : host + ":" + value.port,
        state: value.state || "critical", weight: value.weight === undefined ? 1 : value.weight,
        member: nameOf(m) || keyOf(m.addr), tags });
    }
  }
  return found.sort((a, b) => a.name + a.addr < b.name + b.addr ? -1 : 1);
}

function row(m) {
  const tr = element("tr", undefined, (m.isOwn ? "own " : "") + (m.state === "down" ? "gone" : ""));
  tr.dataset.addr = keyOf(m.addr);
  tr.dataset.state = m.state;
  tr.append(element("td", m.state + (m.reason ? " (" + m.reason + ")" : ""), m.state), element("td", nameOf(m) || "-"),
    element("td", keyOf(m.addr)), element("td", roundTrip(m.rtt)), element("td", duration(now() - m.since)),
    element("td", tagsOf(m)));
  return tr;
}
function showMembers(all) {
  const word = $("filter").value.trim().toLowerCase();
  const meant = all.filter(m => !word || (nameOf(m) + " " + keyOf(m.addr) + " " + m.state + " " + tagsOf(m))
    .toLowerCase().includes(word));
  $("rows").replaceChildren(...meant.slice(0, MOST_ROWS).map(row));
  $("more").textContent = meant.length > MOST_ROWS ? (meant.length - MOST_ROWS) + " more: use the filter"
    : word ? meant.length + " of " + all.length : "";
  const count = { alive: 0, suspect: 0, down: 0 };
  for (const m of all) count[m.state]++;
  $("counts").textContent = count.alive + " alive, " + count.suspect + " suspect, " + count.down + " down";
}
function showServices(all) {
  const found = servicesOf(all);
  $("services").replaceChildren(...found.slice(0, MOST_ROWS).map(s => {
    const tr = element("tr");
    tr.append(element("td", s.name), element("td", s.addr), element("td", s.state, s.state),
      element("td", String(s.weight)), element("td", s.member), element("td", s.tags));
    return tr;
  }));
  if (!found.length) {
    const tr = element("tr"), td = element("td", "none", "faint");
    td.colSpan = 6;
    tr.append(td);
    $("services").append(tr);
  }
}
function showRing(all) {
  const some = all.filter(m => m.isOwn || m.state !== "down").slice(0, MOST_RING), at = new Map();
  some.sort((a, b) => keyOf(a.addr) < keyOf(b.addr) ? -1 : 1).forEach((m, i) => {
    const angle = 2 * Math.PI * i / some.length - Math.PI / 2;
    at.set(keyOf(m.addr), [150 + 130 * Math.cos(angle), 150 + 130 * Math.sin(angle), m]);
  });
  const parts = [];
  for (const [a, b] of probes()) {
    const from = at.get(a), to = at.get(b);
    if (from && to) parts.push(drawn("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1],
      stroke: from[2].isOwn ? "var(--own)" : "var(--faint)", "stroke-width": from[2].isOwn ? 2 : 0.5 }));
  }
  for (const [x, y, m] of at.values()) {
    const dot = drawn("circle", { cx: x, cy: y, r: m.isOwn ? 7 : 5, fill: m.isOwn ? "var(--own)"
      : "var(--" + m.state + ")" });
    const title = drawn("title", {});
    title.textContent = (nameOf(m) + " " + keyOf(m.addr) + " " + m.state).trim();
    dot.append(title);
    parts.push(dot);
  }
  $("ring").replaceChildren(...parts);
}

// ---- What happens ----

const COLORS = { member_up: "alive", refuted: "alive", returned: "alive", suspect: "suspect", member_down: "down",
  defunct: "down", service: "own", rename: "own", mark: "own" };
const WORDS = { member_up: "up", member_down: "down", suspect: "suspected", refuted: "suspicion refuted",
  rename: "replaced by a newer identity", tags: "tags changed", member_forgotten: "forgotten" };
function note(name, data) {
  if (!(name in COLORS) && !(name in WORDS)) return;
  const member = data.member;
  const who = name === "mark" ? "the run" : member === undefined ? "this node" : typeof member === "object"
    ? (nameOf(member) + " " + keyOf(member.addr)).trim() : member;
  const what = name === "mark" ? data.what : name === "service" ? data.name + " is " + (data.state || "gone")
    : (WORDS[name] || name) + (member && member.reason ? " (" + member.reason + ")" : "");
  past.push({ time: data.time, name });
  if (past.length > 2000) past.shift();
  const li = element("li"), time = element("time", clock(data.time) + " ", "faint");
  li.append(time, element("span", who + ": " + what, COLORS[name] || ""));
  $("log").prepend(li);
  while ($("log").children.length > MOST_LOG) $("log").lastChild.remove();
}
function showLine() {
  const [from, to] = range(), x = time => 1000 * (time - from) / (to - from);
  const parts = [drawn("line", { x1: 0, y1: 55, x2: x(now()), y2: 55, stroke: "var(--faint)" })];
  for (const one of past)
    if (COLORS[one.name] && one.time >= from)
      parts.push(drawn("line", { x1: x(one.time), x2: x(one.time), y1: one.name === "member_down" ? 5 : 25, y2: 55,
        "stroke-width": 2, stroke: "var(--" + COLORS[one.name] + ")", "vector-effect": "non-scaling-stroke" }));
  $("line").replaceChildren(...parts);
}

const apply = {
  begin(data) { members.clear(); own = data.self; isReady = false; },
  members(data) { for (const m of data) members.set(keyOf(m.addr), m); },
  ready() { isReady = true; },
  self(data) { own = data.member; },
  member_forgotten(data) { members.delete(keyOf(data.member.addr)); },
  probe(data) {
    probed = keyOf(data.member);
    const m = members.get(probed);
    $("probed").textContent = "this node probes " + ((m && nameOf(m)) || probed);
  },
};
for (const name of ["member_up", "member_down", "rename", "tags", "suspect", "refuted"])
  apply[name] = data => {
    const key = keyOf(data.member.addr);
    if (!own || key !== keyOf(own.addr)) members.set(key, data.member);
  };
function show() {
  wanted = false;
  if (!own) return;
  const all = list();
  const names = [own.name || nameOf(own), keyOf(own.addr), own.cluster, own.version];
  $("node").textContent = names.filter(Boolean).join(" · ");
  document.title = (own.name || keyOf(own.addr)) + " – shoal";
  showMembers(all);
  showServices(all);
  showRing(all);
  showLine();
}
function showSoon() {
  if (!wanted && isReady) {
    wanted = true;
    setTimeout(show, 50); // frames stop in a tab that is not seen
  }
}
function take(name, data) {
  if (data.time) offset = data.time - Date.now() / 1000;
  if (apply[name]) apply[name](data);
  note(name, data);
  showSoon();
}

// ---- Counters ----

const plots = {};
function plotOf(label) {
  let one = plots[label];
  if (!one) {
    one = plots[label] = { values: [], text: element("dd"), svg: drawn("svg", { viewBox: "0 0 100 24",
      preserveAspectRatio: "none", height: 24, "aria-hidden": "true" }) };
    const box = element("div");
    box.append(element("dt", label), one.text, one.svg);
    $("plots").append(box);
  }
  return one;
}
function draw(one, most, value, unit) {
  one.text.textContent = (value < 10 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)) + (unit || "");
  const top = Math.max(...one.values, 1e-9);
  const points = one.values.map((v, i) => (100 * i / (most - 1)).toFixed(1) + "," + (23 - 22 * v / top).toFixed(1));
  one.svg.replaceChildren(drawn("polyline", { points: points.join(" "), fill: "none", stroke: "var(--own)",
    "vector-effect": "non-scaling-stroke" }));
}

// ---- What is pressed ----

$("filter").addEventListener("input", show);
document.addEventListener("keydown", event => {
  if (event.key === "/" && event.target !== $("filter")) {
    event.preventDefault();
    $("filter").focus();
  }
});
$("theme").addEventListener("click", () => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark;
  root.dataset.theme = isDark ? "light" : "dark";
});
function say(text, className) {
  if ($("status").textContent !== text) $("status").textContent = text;
  $("status").className = className;
}

// ---- Live ----

function plot(label, value, unit) {
  const one = plotOf(label);
  one.values.push(value);
  if (one.values.length > 60) one.values.shift();
  draw(one, 60, value, unit);
}
let before = null;
function takeMetrics(text) {
  const found = { at: Date.now() / 1000 };
  for (const line of text.split("\n")) {
    const match = /^shoal_([a-z_]+)(\{[^}]*\})? (\S+)$/.exec(line);
    if (match) found[match[1] + (match[2] || "")] = Number(match[3]);
  }
  const rate = name => before ? Math.max(0, (found[name] - before[name]) / (found.at - before.at)) : 0;
  plot("members alive", list().filter(m => m.state === "alive").length);
  plot("packets in", rate("datagrams_received_total"), "/s");
  plot("packets out", rate("datagrams_sent_total"), "/s");
  plot("bytes out", rate("sent_bytes_total"), "/s");
  plot("probe failures", found.probe_failures_total);
  plot("suspicions", found.suspicions_total);
  plot("handler calls", rate("handler_duration_seconds_count"), "/s");
  plot("local health", found.local_health);
  before = found;
}
async function readMetrics() {
  try {
    const answer = await fetch("/metrics", { cache: "no-store" });
    if (answer.ok) takeMetrics(await answer.text());
  } catch (gone) { before = null; }
}
async function readTimes() {
  try {
    if (!isReady || members.size > 2000) return;
    for (const m of await (await fetch("/members", { cache: "no-store" })).json()) {
      const known = members.get(keyOf(m.addr));
      if (known) known.rtt = m.rtt;
    }
    showSoon();
  } catch (gone) { before = null; }
}

function connect() {
  const source = new EventSource("/events?probes=1");
  const names = [...Object.keys(apply), "service", "active", "idle", "defunct", "rejoin", "returned", "view"];
  for (const name of names) source.addEventListener(name, event => {
    say("live", "live");
    take(name, JSON.parse(event.data));
  });
  source.onopen = () => say("live", "live");
  source.onerror = () => {
    say("connection lost, trying again", "lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
}
connect();
readMetrics();
setInterval(readMetrics, 2000);
setInterval(readTimes, 10000);
setInterval(showSoon, 1000);
</script>
</body>
</html>
]==]
