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

// The page is rendered by the server: when what it lists has changed, it is fetched anew.
let shown = null;
async function watch() {
  try {
    const listing = await (await fetch('/api/v1/assets')).json();
    const state = JSON.stringify([listing.generation, listing.ready, listing.imports]);
    if (shown !== null && shown !== state) location.reload();
    shown = state;
  } catch {
    // The server is away; the next round tells.
  }
  setTimeout(watch, 2000);
}
watch();
