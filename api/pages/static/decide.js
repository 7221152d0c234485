// Without this script the pages list, and decisions are made by command or over HTTP. With it each button sends one
// PUT or DELETE with the token that was typed, which this tab forgets when it is closed, and shows the page as it then is.
"use strict";
(() => {
  const KEPT = "filiere-token";
  const deciding = document.getElementById("deciding");
  const token = document.getElementById("token");
  const note = document.getElementById("note");
  const told = document.getElementById("told");
  const buttons = document.querySelectorAll("button[data-at]");

  function say(...lines) {
    told.replaceChildren(
      ...lines.filter(Boolean).map((line) => {
        const said = document.createElement("p");
        said.textContent = line;
        return said;
      }),
    );
    told.hidden = false;
    told.scrollIntoView({ block: "nearest" });
  }

  async function decide(button) {
    if (!token.value.trim()) {
      token.focus();
      return say(told.dataset.needed);
    }
    for (const one of buttons) one.disabled = true;
    const verdict = button.dataset.verdict;
    try {
      const response = await fetch(button.dataset.at, {
        method: verdict ? "PUT" : "DELETE",
        headers: { Authorization: `Bearer ${token.value.trim()}`, "Content-Type": "application/json" },
        body: verdict ? JSON.stringify({ verdict, note: note.value }) : undefined,
      });
      if (response.ok) {
        sessionStorage.setItem(KEPT, token.value.trim());
        return location.reload();
      }
      const problem = await response.json();
      say(problem.detail, problem.mend);
    } catch {
      say(told.dataset.unreachable);
    }
    for (const one of buttons) one.disabled = false;
  }

  const show = () => buttons.forEach((button) => (button.hidden = !deciding.open));
  deciding.hidden = false;
  deciding.addEventListener("toggle", show);
  deciding.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  token.value = sessionStorage.getItem(KEPT) || "";
  deciding.open = token.value !== "";
  show();
  for (const button of buttons) button.addEventListener("click", () => decide(button));
})();
