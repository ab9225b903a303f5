// The home page: copy buttons, and a new look when content comes or goes.
'use strict';

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener('click', async () => {
    const url = new URL(button.dataset.copy, location.href).href;
    button.textContent = (await copy(url)) ? 'Copied' : 'Not allowed';
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

// Browsers offer the clipboard on secure origins only; elsewhere the old way still works.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

// The page is rendered by the server: when what it lists has changed, it is fetched anew. Imports
// only move their bars.
let shown = null;
async function watch() {
  try {
    const state = await (await fetch('/stat.json')).json();
    const listed = JSON.stringify([state.generation, state.ready, state.imports.map(({name}) => name)]);
    if (shown !== null && shown !== listed) location.reload();
    shown = listed;
    for (const one of state.imports) showImport(one);
  } catch {
    // The server is away; the next round tells.
  }
  setTimeout(watch, 2000);
}

function showImport({name, text, percent}) {
  const place = [...document.querySelectorAll('[data-import]')].find(({dataset}) => dataset.import === name);
  if (!place) return;
  place.querySelector('.soft').textContent = text;
  if (percent !== null) place.querySelector('progress').value = percent;
}
watch();
