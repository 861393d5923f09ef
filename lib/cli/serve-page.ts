// The page on which a served model can be tried: a form with a field for each column. It works by keyboard and in both colour schemes.
import type { train } from '../index.js';

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => escapes[c] as string);

/** Categories that a list to choose from shows; of more, any text can be written. */
const mostChoices = 200;

function fieldOf({ name, type, categories }: train.TabularField, i: number): string {
  const id = `field${i}`;
  const label = `<label for="${id}">${escaped(name)}</label>`;
  const common = `id="${id}" data-name="${escaped(name)}" data-type="${type}"`;
  const choices = type === 'boolean' ? ['true', 'false'] : categories;
  if (choices !== undefined && choices.length <= mostChoices) {
    const options = choices.map((choice) => `<option value="=${escaped(choice)}">${escaped(choice)}</option>`);
    return `<p>${label}<select ${common}><option value="">(missing)</option>${options.join('')}</select></p>`;
  }
  const kind = type === 'number' ? 'type="number" step="any" inputmode="decimal"' : 'type="text"';
  const hint = type === 'date' ? '2024-02-29T12:00:00Z' : '(missing)';
  return `<p>${label}<input ${kind} ${common} placeholder="${hint}" autocomplete="off"></p>`;
}

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; padding: 0 1rem; max-width: 60rem; }
form { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 0 1.5rem; }
p { margin: 0 0 .8rem; display: flex; flex-direction: column; justify-content: end; } label { overflow-wrap: anywhere; }
input, select, button { font: inherit; padding: .4rem; height: 2.6rem; width: 100%; box-sizing: border-box; }
p:last-child { grid-column: 1 / -1; } button { cursor: pointer; max-width: 14rem; } output { display: block; font-size: 1.3rem; margin: 1rem 0; min-height: 2rem; }
:focus-visible { outline: 3px solid LinkText; outline-offset: 1px; }
table { border-collapse: collapse; font-size: 1rem; } td, th { padding: .1rem 1rem .1rem 0; text-align: left; font-weight: normal; }`;

const script = `
const form = document.querySelector('form'), out = document.querySelector('output');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const row = {};
  for (const field of form.querySelectorAll('[data-name]')) {
    const { name, type } = field.dataset;
    const text = field.tagName === 'SELECT' ? field.value.slice(1) : field.value.trim();
    const isMissing = field.tagName === 'SELECT' ? field.value === '' : text === '';
    row[name] = isMissing ? null : type === 'number' ? Number(text) : type === 'boolean' ? text === 'true' : text;
  }
  out.textContent = '…';
  try {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch('predict', { method: 'POST', headers, body: JSON.stringify(row) });
    const answer = await response.json();
    out.textContent = response.ok ? String(answer.prediction) : answer.error;
    if (!response.ok || !answer.probabilities) return;
    const table = document.createElement('table');
    for (const [label, share] of Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1]).slice(0, 20)) {
      const line = table.insertRow();
      const head = document.createElement('th');
      head.scope = 'row';
      head.textContent = label;
      line.append(head);
      line.insertCell().textContent = (100 * share).toFixed(1) + ' %';
    }
    out.append(table);
  } catch (error) {
    out.textContent = String(error);
  }
});`;

/** @param nonce of the page's own style and script, which alone are allowed */
export function pageOf(model: train.TabularModel, nonce: string): string {
  const { target, schema } = model;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Predict ${escaped(target)}</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<main>
<h1>Predict ${escaped(target)}</h1>
<form>
${schema.map(fieldOf).join('\n')}
<p><button type="submit">Predict</button></p>
</form>
<h2 id="result">Prediction</h2>
<output aria-live="polite" aria-labelledby="result"></output>
</main>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`;
}
