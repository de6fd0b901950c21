// Takes the overview anew every half minute while someone looks at it and reads nothing that would fold up.

const EVERY_MS = 30_000;
const content = document.getElementById("content");

async function refresh() {
  const busy = content.querySelector("details[open]") || content.contains(document.activeElement);
  if (document.hidden || busy) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected) {
    location.reload(); // signed out
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
  content.replaceChildren(...fresh.childNodes);
}

setInterval(() => refresh().catch(() => {}), EVERY_MS); // it says as of when it is: old is visible
document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
