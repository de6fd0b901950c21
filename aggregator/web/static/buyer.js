// Keeps a buyer's page live: swaps the parts that changed, tells its age, and says so when the stream is down.
// The page is useful without it: every number is in the HTML.

const order = document.getElementById("order");
const live = document.getElementById("live");
const liveWord = document.getElementById("live-word");
const liveAge = document.getElementById("live-age");
const banner = document.getElementById("banner");
const spoken = document.getElementById("spoken");
const seenMs = Number(order.dataset.seen);

const SILENCE_MS = 10_000; // three heartbeats missed: the stream is down, whatever the browser thinks
const RETRY_MS = 2_000;
const HEARD_LATELY_MS = 5_000;

let source = null;
let heardMs = 0; // when the server was heard last, by our clock
let triedMs = 0;
let down = false;

function markNew(part) {
  for (const entry of part.querySelectorAll("[data-at]")) {
    const mark = entry.querySelector(".new");
    if (mark) mark.hidden = !seenMs || Number(entry.dataset.at) <= seenMs;
  }
}

// Only what a person waits for is spoken: a new date, a step that is finished. Counts are not.
function headline() {
  return order.querySelector("[data-spoken]")?.textContent.trim() ?? "";
}

function finished() {
  return [...order.querySelectorAll(".stop.done h3")].map((each) => each.textContent.trim());
}

function swap(parts) {
  const before = headline();
  const done = new Set(finished());
  for (const [name, html] of Object.entries(parts)) {
    const place = order.querySelector(`[data-part="${name}"]`);
    const template = document.createElement("template");
    template.innerHTML = html;
    markNew(template.content);
    if (place && place.innerHTML !== html) merge(place, template.content);
  }
  const now = headline();
  const news = finished().filter((each) => !done.has(each));
  if (now !== before) {
    const title = document.getElementById("answer-title")?.textContent.trim() ?? "";
    say(spoken, `${title}: ${now}`);
  } else if (news.length) {
    const last = order.querySelectorAll(".stop.done .stop-doing");
    say(spoken, `${news.join(", ")}: ${last[last.length - 1]?.textContent ?? ""}`);
  }
}

// Changes what differs and nothing else, so that a selection, the focus and the eye stay where they are.
function merge(old, fresh) {
  const olds = [...old.childNodes];
  const news = [...fresh.childNodes];
  if (olds.length !== news.length || olds.some((node, at) => !alike(node, news[at]))) {
    old.replaceChildren(...news);
    return;
  }
  olds.forEach((node, at) => {
    const now = news[at];
    if (node.isEqualNode(now)) return;
    if (node.nodeType !== Node.ELEMENT_NODE) {
      node.data = now.data;
      return;
    }
    for (const { name } of [...node.attributes]) if (!now.hasAttribute(name)) node.removeAttribute(name);
    for (const { name, value } of now.attributes) {
      if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    }
    merge(node, now);
  });
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}

function connect() {
  triedMs = Date.now();
  source?.close();
  source = new EventSource(order.dataset.events);
  source.addEventListener("heartbeat", alive);
  source.addEventListener("order", (event) => {
    alive();
    swap(JSON.parse(event.data).parts);
  });
  source.addEventListener("gone", () => {
    source.close();
    location.reload(); // the page says what to do now
  });
  source.addEventListener("error", () => {
    show(true);
    if (source.readyState === EventSource.CLOSED) setTimeout(again, RETRY_MS);
  });
}

// The stream was refused, not broken off: perhaps the link or the session is over, then the page says so.
function again() {
  fetch(location.href, { method: "GET", redirect: "manual" })
    .then((answer) => {
      const over = answer.type === "opaqueredirect" || answer.status === 404 || answer.status === 410;
      if (over) location.reload();
      else if (answer.ok) connect();
      else setTimeout(again, RETRY_MS);
    })
    .catch(() => setTimeout(again, RETRY_MS));
}

function alive() {
  heardMs = Date.now();
  show(false);
  tick();
}

function show(isDown) {
  down = isDown;
  live.classList.toggle("on", !isDown);
  live.classList.toggle("off", isDown);
  order.classList.toggle("is-off", isDown);
  say(liveWord, isDown ? live.dataset.off : live.dataset.on);
  banner.hidden = !isDown;
  say(banner, isDown ? banner.dataset.text : "");
}

function tick() {
  const silent = Date.now() - (heardMs || started);
  if (heardMs) say(liveAge, age(silent));
  if (silent <= SILENCE_MS) return;
  if (!down) show(true);
  if (Date.now() - triedMs > SILENCE_MS) connect();
}

// A laptop that slept, a tab that was hidden, a network that is back: find out at once, not at the next tick.
function wake() {
  if (Date.now() - (heardMs || started) > HEARD_LATELY_MS) connect();
}

const started = Date.now();
markNew(order);
connect();
setInterval(tick, 1000);
addEventListener("online", wake);
addEventListener("pageshow", (event) => event.persisted && connect());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
