// The script of the live page: it asks for the page again whenever the server says that a run has grown, and puts what has
// changed into the place of what was there. What is open, chosen and focused stays so.
export const client = `'use strict';
const status = document.getElementById('live');
const keyOf = (e) => e && (e.id || e.getAttribute('href') || e.value || e.getAttribute('aria-label') || '');
const all = (selector) => [...document.querySelectorAll(selector)];
let busy = false;
let again = false;
async function refresh() {
  again = true;
  if (busy) return;
  busy = true;
  while (again) {
    again = false;
    try {
      const answer = await fetch(location.href);
      if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    } catch {} // the server has gone: the source of events says so
  }
  busy = false;
}
function replace(fresh) {
  const opened = all('details').map((e) => e.open);
  const chosen = new Map(all('input[type=checkbox]').map((e) => [e.value, e.checked]));
  const focused = keyOf(document.activeElement);
  for (const name of ['header', 'nav', 'main']) {
    const [old, next] = [document.querySelector(name), fresh.querySelector(name)];
    if (old && next && old.innerHTML !== next.innerHTML) old.replaceChildren(...next.childNodes);
  }
  document.title = fresh.title;
  all('details').forEach((e, i) => { e.open = opened[i] || false; });
  for (const e of all('input[type=checkbox]')) if (chosen.has(e.value)) e.checked = chosen.get(e.value);
  if (focused && keyOf(document.activeElement) !== focused) {
    const found = all('a, button, input, summary, [tabindex]').find((e) => keyOf(e) === focused);
    if (found) found.focus({ preventScroll: true });
  }
}
const source = new EventSource('/events');
source.onopen = () => { status.textContent = 'Live: follows the runs.'; refresh(); };
source.onerror = () => { status.textContent = 'The server does not answer; trying again.'; };
source.onmessage = refresh;
`;
