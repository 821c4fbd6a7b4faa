// In a file of its own: the page's Content-Security-Policy allows no script inside it.
const page = document.getElementById("swagger-ui");
let isMendingSoon = false;

SwaggerUIBundle({
  url: "openapi.json",
  domNode: page,
  deepLinking: true,
  validatorUrl: null, // or the page would be sent to a public validator
});

// Swagger UI draws anew at any time, and with it what it leaves out for the keyboard and for screen readers.
new MutationObserver(() => {
  if (isMendingSoon) return;
  isMendingSoon = true;
  requestAnimationFrame(() => {
    isMendingSoon = false;
    mend();
  });
}).observe(page, { childList: true, subtree: true });

function mend() {
  for (const field of page.querySelectorAll("select, textarea, input[type=file]")) {
    if (!field.hasAttribute("aria-label")) field.setAttribute("aria-label", nameOf(field));
  }
  // The button around it does the same, and a link inside a button is found by no screen reader.
  for (const link of page.querySelectorAll("button a[href]")) link.removeAttribute("href");
  for (const text of page.querySelectorAll("pre")) {
    if (text.scrollWidth > text.clientWidth || text.scrollHeight > text.clientHeight) text.tabIndex = 0;
  }
}

/** What somebody who sees the field takes it for. */
function nameOf(field) {
  if (field.id === "servers") return "Server";
  const otherwise = { SELECT: "Example", TEXTAREA: "Request body", INPUT: "File" };
  return field.closest("[data-param-name]")?.dataset.paramName ?? otherwise[field.tagName];
}
