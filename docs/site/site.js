"use strict";

/* What the theme leaves out for readers who use a keyboard or a screen reader. It makes some parts after the page has loaded. */

function complete() {
  for (const empty of document.querySelectorAll("th:empty")) empty.replaceWith(document.createElement("td"));
  for (const choice of document.querySelectorAll("input.md-option")) choice.tabIndex = -1;
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap")) table.tabIndex = 0;
  document.querySelectorAll(".md-code__nav").forEach((bar, place) => bar.setAttribute("aria-label", `Code ${place + 1}`));
}

complete();
new MutationObserver(complete).observe(document.body, { childList: true, subtree: true });
