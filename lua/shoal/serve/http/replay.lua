--- What `shoal sim --page` has in the place of what is live in the page: a recorded run,
--- and what is needed to move in it. recording.lua says what a recording has.

local page = require("shoal.serve.http.page")

local replay = {}

local CONTROLS = [==[
<section aria-labelledby="h-run"><h2 id="h-run">Recorded run</h2>
<p id="run" class="faint"></p>
<p id="controls"><button id="play" type="button">Play</button>
<label>Speed <select id="speed"><option value="1">1</option><option value="5" selected>5</option>
<option value="20">20</option></select></label>
<label>As seen by <select id="who"></select></label>
<label id="l-time">Time <input id="time" type="range" min="0" step="0.1" value="0"></label>
<output id="moment" for="time">0.0 s</output></p></section>
]==]

local STYLE = [==[
#controls { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; margin: 0 }
#l-time { flex: 1 1 20rem; display: flex; gap: .5rem } #time { flex: 1; padding: 0 } #moment { min-width: 5rem }
select { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line);
  border-radius: .35rem; padding: .2rem }
#members th:nth-child(4), #members td:nth-child(4) { display: none }
]==]

-- Nobody may have it load anything, wherever the file is opened.
local POLICY = [==[
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src ]==]
  .. [==['unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
]==]

local SCRIPT = [==[
// ---- A recorded run ----

const run = JSON.parse($("recording").textContent);
const EVENT = 0.02, TICK = 100; // s: two that are no further apart are shown together; ms
let at = 0, next = 0, who = 0, view = [], timer = null;

now = () => at;
range = () => [0, run.seconds];
clock = time => time.toFixed(2) + " s";

const memberOf = (index, state, tags) => {
  const [addr, name] = run.members[index];
  return { addr, id: name === null ? undefined : { name }, state, since: at, tags: run.tags[tags] || {} };
};
const kinds = {
  member_up: (m, extra) => Object.assign(m, { state: "alive", tags: run.tags[extra] || {} }),
  member_down: (m, extra) => Object.assign(m, { state: "down", reason: extra }),
  suspect: m => Object.assign(m, { state: "suspect" }),
  refuted: m => Object.assign(m, { state: "alive" }),
  tags: (m, extra) => Object.assign(m, { since: m.since, tags: run.tags[extra] || {} }),
  member_forgotten: m => m,
};
function step([time, kind, , subject, extra]) {
  const name = run.kinds[kind];
  if (name === "mark") return take("mark", { time, what: extra });
  if (name === "self") {
    own = Object.assign({}, own, { tags: run.tags[extra] || {} });
    return;
  }
  if (name === "crashed") {
    own = Object.assign({}, own, { state: "down", reason: "crashed", since: time });
    return take("mark", { time, what: keyOf(own.addr) + ", whose view this is, crashed" });
  }
  const addr = run.members[subject][0], known = members.get(keyOf(addr)), since = known ? known.since : time;
  const member = kinds[name](Object.assign(memberOf(subject, "alive", -1), known, { since: time, reason: undefined }),
    extra);
  if (name === "tags") member.since = since;
  take(name, { time, member });
}

// ---- Who probes whom ----

function firstProbe(time) {
  let low = 0, high = run.probes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (run.probes[middle][0] < time) low = middle + 1; else high = middle;
  }
  return low;
}
probes = () => {
  const found = new Map(); // the last of each
  for (let i = firstProbe(at - 1); i < run.probes.length && run.probes[i][0] <= at; i++)
    found.set(run.probes[i][1], run.probes[i][2]);
  return [...found].map(([from, to]) => [keyOf(run.members[from][0]), keyOf(run.members[to][0])]);
};
function showProbes() {
  const all = probes(), mine = own && all.find(([from]) => from === keyOf(own.addr));
  $("probed").textContent = all.length + (all.length === 1 ? " probe" : " probes") + " in the last second"
    + (mine ? "; " + keyOf(own.addr) + " probed " + mine[1] : "");
}

// ---- Counters ----

const SERIES = [["members running", 1], ["the median member knows", 3], ["one knows only", 2], ["packets", 5, "/s"],
  ["bytes", 6, "/s"]];
function showPlots() {
  const samples = run.samples.filter(sample => sample[0] <= at + EVENT);
  for (const [label, column, unit] of SERIES) {
    const one = plotOf(label);
    one.values = samples.map((sample, i) => {
      if (!unit) return sample[column] || 0;
      const last = samples[i - 1];
      return last ? (sample[column] - last[column]) / Math.max(sample[0] - last[0], 1e-3) : 0;
    });
    if (one.values.length) draw(one, run.samples.length, one.values[one.values.length - 1], unit);
  }
}

// ---- Time ----

function begin() {
  members.clear();
  past.length = 0;
  $("log").replaceChildren();
  own = memberOf(run.watched[who], "alive", run.first[who]);
  own.since = 0;
  at = next = 0;
  isReady = true;
}
function seek(time) {
  if (time < at) begin();
  while (next < view.length && view[next][0] <= time + 1e-6) {
    at = view[next][0];
    step(view[next++]);
  }
  at = time;
  $("time").value = at;
  $("time").setAttribute("aria-valuetext", at.toFixed(1) + " seconds");
  $("moment").textContent = at.toFixed(1) + " s";
  showProbes();
  showPlots();
  showSoon();
}
function look(viewer) {
  const time = at;
  who = viewer;
  view = run.events.filter(event => event[2] === who || event[2] === -1).sort((a, b) => a[0] - b[0]);
  begin();
  seek(time);
}
function pause() {
  clearInterval(timer);
  timer = null;
  $("play").textContent = "Play";
}
function play() {
  if (at >= run.seconds) seek(0);
  $("play").textContent = "Pause";
  timer = setInterval(() => {
    seek(Math.min(run.seconds, at + Number($("speed").value) * TICK / 1000));
    if (at >= run.seconds) pause();
  }, TICK);
}
$("play").addEventListener("click", () => timer ? pause() : play());
$("time").addEventListener("input", () => seek(Number($("time").value)));
$("who").addEventListener("change", () => look(Number($("who").value)));

$("time").max = run.seconds;
$("run").textContent = run.about;
$("line").setAttribute("aria-label", "Events of the run");
$("who").append(...run.watched.map((index, i) => {
  const option = element("option", (run.members[index][1] || "") + " " + keyOf(run.members[index][0]));
  option.value = i;
  return option;
}));
say("recorded run", "");
// The first that runs to the end.
const crashed = new Set(run.events.filter(event => run.kinds[event[1]] === "crashed").map(event => event[2]));
const first = run.watched.findIndex((index, i) => !crashed.has(i));
$("who").value = Math.max(0, first);
look(Math.max(0, first));
</script>
</body>
</html>
]==]

local function put(html, before, addition)
  local from = assert(html:find(before, 1, true), before)
  return html:sub(1, from - 1) .. addition .. html:sub(from)
end

--- The page with that recording, a text of JSON.
---@param recording string
---@return string html
function replay.page(recording)
  local live = assert(page:find("// ---- Live ----", 1, true))
  local html = page:sub(1, live - 1) .. SCRIPT
  html = put(html, "<title>", POLICY)
  html = put(html, "</style>", STYLE)
  html = put(html, '<section class="wide" id="members"', CONTROLS)
  -- what a member says of itself cannot end the element
  return put(html, '<script>\n"use strict";', '<script type="application/json" id="recording">'
    .. recording:gsub("<", "\\u003c") .. "</script>\n")
end

return replay
