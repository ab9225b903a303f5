// The home page: copy buttons, channels as they are now, and a new look when content comes or goes.
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
    const {channels} = document.querySelector('[data-channel]') || state.channels.length
      ? await (await fetch('/api/v1/channels')).json() : {channels: []};
    const {jobs} = document.querySelector('[data-job]') || (state.jobs || []).length
      ? await (await fetch('/api/v1/jobs')).json() : {jobs: []};
    const made = jobs.map(({id, state, steps}) => [id, state === 'done' || state === 'failed', steps.length]);
    const ladders = channels.map(({name, tracks}) => [name, tracks.map(({id}) => id)]);
    const listed = JSON.stringify([state.generation, state.ready, state.imports.map(({name}) => name), ladders, made]);
    if (shown !== null && shown !== listed) location.reload();
    shown = listed;
    for (const one of state.imports) showImport(one);
    for (const one of channels) showChannel(one);
    for (const one of jobs) showJob(one);
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

function showJob(job) {
  const card = [...document.querySelectorAll('[data-job]')].find(({dataset}) => dataset.job === job.id);
  if (!card) return;
  const state = card.querySelector('[data-field="state"]');
  if (state.textContent !== job.state) state.textContent = job.state;
  state.dataset.state = job.state;
  card.querySelector('progress').value = Math.floor(job.permille / 10);
  const chunks = job.steps.filter(({step}) => step.startsWith('chunk-'));
  const parts = [`${job.state} ${Math.floor(job.permille / 10)} %`];
  if (chunks.length) parts.push(`${chunks.filter(({state}) => state === 'done').length} of ${chunks.length} chunks`);
  if (typeof job.speed_permille === 'number') parts.push(`${(job.speed_permille / 1000).toFixed(2)}x`);
  if (typeof job.left_ms === 'number') parts.push(`${clockText(job.left_ms)} left`);
  card.querySelector('[data-field="progress"]').textContent = parts.join(', ');
  const places = new Map([...card.querySelectorAll('[data-step]')].map((place) => [place.dataset.step, place]));
  for (const {step, state} of job.steps) {
    const place = places.get(step);
    if (!place || place.dataset.state === state) continue;
    place.dataset.state = state;
    place.title = `${step}: ${state}`;
  }
}

function clockText(ms) {
  const two = (n) => String(n).padStart(2, '0');
  const seconds = Math.floor(ms / 1000);
  const [hours, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(rest)}:${two(seconds % 60)}` : `${rest}:${two(seconds % 60)}`;
}

function showChannel(channel) {
  const card = [...document.querySelectorAll('[data-channel]')].find(({dataset}) => dataset.channel === channel.name);
  if (!card) return;
  const put = (parent, field, text) => {
    const place = parent.querySelector(`[data-field="${field}"]`);
    if (place && place.textContent !== text) place.textContent = text;
  };
  const next = channel.next_start_ms;
  put(card, 'state', typeof next === 'number'
    ? `${channel.state}, next start in ${Math.ceil(next / 1000)} s` : `${channel.state} ${clockText(channel.state_ms)}`);
  card.querySelector('[data-field="state"]').dataset.state = channel.state;
  put(card, 'restarts', String(channel.restarts));
  const speed = channel.encoder.speed_permille;
  put(card, 'speed', typeof speed === 'number' ? `${(speed / 1000).toFixed(2)}×` : '–');
  const wrong = channel.reason || channel.alarms[0];
  put(card, 'log-title', wrong ? 'Reason' : 'Last line of the log');
  put(card, 'log', wrong || channel.log.at(-1) || '–');
  for (const track of channel.tracks) {
    const row = [...card.querySelectorAll('[data-track]')].find(({dataset}) => dataset.track === track.id);
    if (!row) continue;
    put(row, 'edge', `${track.segment}.${track.parts}`);
    put(row, 'segments', String(track.segments));
  }
}
watch();
