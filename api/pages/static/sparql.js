// Without this script the page works as plain forms. With it, answers come without leaving the text, Ctrl+Enter runs,
// a query may be stopped, and one may come in the fragment of an address (#query=…), which no server sees.
"use strict";
(() => {
  const LONGEST_LINK = 6000; // characters; longer queries are sent as the body of a POST
  const ask = document.getElementById("ask");
  const text = document.getElementById("query");
  const format = document.getElementById("format");
  const state = document.getElementById("state");
  const stop = document.getElementById("stop");
  const choose = document.getElementById("choose");
  let running = null;

  function show(problem) {
    const notice = document.createElement("div");
    notice.className = "notice";
    notice.setAttribute("role", "alert");
    for (const said of [problem.detail, problem.mend]) {
      if (!said) continue;
      const line = document.createElement("p");
      line.textContent = said;
      notice.append(line);
    }
    document.getElementById("answer").replaceChildren(notice);
  }

  async function send(signal) {
    const given = new URLSearchParams(new FormData(ask));
    const long = text.value.length > LONGEST_LINK;
    const address = long ? "/sparql" : "/sparql?" + given;
    const response = await fetch(address, {
      method: long ? "POST" : "GET",
      body: long ? given : undefined,
      headers: { Accept: "application/problem+json, text/html;q=0.9" },
      signal,
    });
    if ((response.headers.get("Content-Type") || "").includes("json")) {
      show(await response.json());
    } else {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      document.getElementById("answer").replaceWith(page.getElementById("answer"));
    }
    if (!long && address !== location.pathname + location.search) history.pushState(null, "", address);
  }

  async function run() {
    if (running) running.abort();
    const mine = new AbortController();
    running = mine;
    const started = performance.now();
    const tick = () => (state.textContent = `${state.dataset.running} ${((performance.now() - started) / 1000).toFixed(1)} s`);
    const clock = setInterval(tick, 200);
    stop.hidden = false;
    document.getElementById("answer").setAttribute("aria-busy", "true");
    try {
      await send(mine.signal);
      state.textContent = "";
      document.getElementById("answer").focus({ preventScroll: true });
    } catch (error) {
      state.textContent = error.name === "AbortError" ? state.dataset.stopped : state.dataset.unreachable;
    } finally {
      clearInterval(clock);
      if (running === mine) {
        running = null;
        stop.hidden = true;
        document.getElementById("answer").removeAttribute("aria-busy");
      }
    }
  }

  ask.addEventListener("submit", (event) => {
    if (format.value) return; // the browser shows or saves it
    event.preventDefault();
    run();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      ask.requestSubmit();
    }
  });
  stop.addEventListener("click", () => running && running.abort());
  choose.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = choose.elements.example.value;
    if (!name) return;
    try {
      const response = await fetch(`/sparql/examples/${encodeURIComponent(name)}.json`);
      text.value = (await response.json()).query;
      text.focus();
      text.setSelectionRange(0, 0);
      text.scrollTop = 0;
    } catch {
      state.textContent = state.dataset.unreachable;
    }
  });
  window.addEventListener("popstate", () => location.reload());
  if (location.hash.startsWith("#query=")) text.value = decodeURIComponent(location.hash.slice(7));
})();
