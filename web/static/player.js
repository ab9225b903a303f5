// The player page: Shaka Player with controls and figures of our own.
// For tests: window.headendPlayer is the player, <video id="video"> the element, and a fatal error
// is put into document.body.dataset.error.
'use strict';

const byId = (id) => document.getElementById(id);
const video = byId('video');
const stage = byId('stage');
const ICON = {
  play: 'M8 5v14l11-7z',
  pause: 'M7 5h3.5v14H7zm6.5 0H17v14h-3.5z',
  sound: 'M4 9v6h4l5 4V5L8 9zm11.5-1.2a5.5 5.5 0 0 1 0 8.4l-1.2-1.5a3.6 3.6 0 0 0 0-5.4z',
  mute: 'M4 9v6h4l5 4V5L8 9zm17 .9-1.4-1.4-2.1 2.1-2.1-2.1L14 9.9l2.1 2.1-2.1 2.1 1.4 1.4 2.1-2.1 2.1 2.1 1.4-1.4-2.1-2.1z',
};

let player = null;
let stalls = 0;
let played = false; // waiting before the first picture is not a stall
let clockOffset = 0; // server's clock less ours, ms

function fail(text) {
  document.body.dataset.error = text;
  byId('problem').textContent = text;
  byId('problem').hidden = false;
}

function describe(error) {
  if (!(error instanceof shaka.util.Error)) return String(error);
  const names = Object.entries(shaka.util.Error.Code).find(([, code]) => code === error.code);
  const detail = (error.data || []).filter((part) => ['string', 'number'].includes(typeof part));
  return `${names ? names[0] : 'ERROR'} (${error.code}) ${detail.slice(0, 3).join(', ')}`.trim();
}

async function start() {
  const source = video.dataset.src;
  if (!source) return;
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) {
    fail('This browser cannot play DASH or HLS: it has no Media Source Extensions.');
    return;
  }
  player = new shaka.Player();
  window.headendPlayer = player;
  player.addEventListener('error', ({detail}) => {
    if (detail.severity === shaka.util.Error.Severity.CRITICAL) fail(describe(detail));
    else document.body.dataset.warning = describe(detail);
  });
  player.configure(liveSettings(source));
  try {
    await player.attach(video);
    await player.load(source);
  } catch (error) {
    fail(error instanceof shaka.util.Error ? describe(error) : String(error));
    return;
  }
  byId('bar').hidden = false;
  listRenditions();
  listTexts();
  for (const name of ['trackschanged', 'adaptation', 'variantchanged']) {
    player.addEventListener(name, listRenditions);
  }
  player.addEventListener('trackschanged', listTexts);
  video.play().catch(() => {}); // a browser that forbids autoplay leaves it to the button
  setInterval(show, 250);
  setInterval(recover, 500);
  show();
}

// A live picture that stands still for a while is loaded anew. Outages of the source are played through
// without that; this is for what nobody thought of.
const STUCK_MS = 15000;
let moved = {time: 0, at: 0};
let recovering = false;
async function recover() {
  if (video.currentTime !== moved.time || video.paused || !player.isLive()) {
    moved = {time: video.currentTime, at: performance.now()};
  }
  if (recovering || performance.now() - moved.at < STUCK_MS) return;
  recovering = true;
  try {
    await player.load(video.dataset.src);
    await video.play();
  } catch (error) {
    document.body.dataset.warning = error instanceof shaka.util.Error ? describe(error) : String(error);
  }
  moved = {time: video.currentTime, at: performance.now()};
  recovering = false;
}

// Channels that are encoded here and now are caught up with when the picture has fallen behind, over
// HLS as well, which says nothing of playback rates.
function liveSettings(source) {
  const isChannel = new URL(source, location.href).pathname.startsWith('/live/');
  return isChannel ? {streaming: {liveSync: {enabled: true, maxPlaybackRate: 1.1, minPlaybackRate: 0.95}}} : {};
}

// Live latency is against the server's clock, whatever this computer's says.
async function readClock() {
  try {
    const before = Date.now();
    const answer = await fetch('/time', {cache: 'no-store'});
    const server = Date.parse((await answer.text()).trim());
    const after = Date.now();
    if (Number.isFinite(server)) clockOffset = server - (before + after) / 2;
  } catch {
    clockOffset = 0;
  }
}

function kilobits(bits) {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

function clockText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

// Returns how far the playhead is behind the wall clock in milliseconds, or null on demand.
function latency() {
  if (!player.isLive()) return null;
  const at = player.getPlayheadTimeAsDate();
  if (at && at.getTime() > 1e9) return Date.now() + clockOffset - at.getTime();
  return (player.seekRange().end - video.currentTime) * 1000;
}

function show() {
  const track = player.getVariantTracks().find((variant) => variant.active);
  const statistics = player.getStats();
  const behind = latency();
  byId('latency').textContent = behind === null ? 'on demand' : `${Math.round(behind).toLocaleString('en')} ms`;
  if (track) {
    const size = track.width ? `${track.width}×${track.height}` : 'audio only';
    const small = document.createElement('small');
    small.textContent = `${kilobits(track.bandwidth)} · ${track.codecs}`;
    byId('rendition').replaceChildren(size, small);
  }
  const ahead = player.getBufferedInfo().total.find(
    ({start, end}) => start <= video.currentTime + 0.1 && end >= video.currentTime);
  byId('buffer').textContent = `${(ahead ? ahead.end - video.currentTime : 0).toFixed(1)} s`;
  const decoded = Number.isFinite(statistics.decodedFrames) ? statistics.decodedFrames : 0;
  const dropped = Number.isFinite(statistics.droppedFrames) ? statistics.droppedFrames : 0;
  const of = document.createElement('small');
  of.textContent = `of ${decoded.toLocaleString('en')}`;
  byId('dropped').replaceChildren(String(dropped), of);
  byId('throughput').textContent = statistics.estimatedBandwidth ? kilobits(statistics.estimatedBandwidth) : '–';
  byId('stalls').textContent = String(stalls);

  const range = player.seekRange();
  const seek = byId('seek');
  if (document.activeElement !== seek || !seek.matches(':active')) {
    seek.min = range.start;
    seek.max = Math.max(range.end, range.start + 0.001);
    seek.value = video.currentTime;
  }
  const live = player.isLive();
  byId('edge').hidden = !live;
  byId('edge').classList.toggle('edge', live && range.end - video.currentTime < 15);
  byId('time').textContent = live
    ? new Date(Date.now() + clockOffset - (behind || 0)).toISOString().slice(11, 19) + ' UTC'
    : `${clockText(video.currentTime - range.start)} / ${clockText(range.end - range.start)}`;
  byId('toggle-icon').setAttribute('d', video.paused ? ICON.play : ICON.pause);
  byId('mute-icon').setAttribute('d', video.muted || video.volume === 0 ? ICON.mute : ICON.sound);
}

function listRenditions() {
  const select = byId('quality');
  const heights = new Map();
  for (const track of player.getVariantTracks()) {
    const label = track.height ? `${track.height}p · ${kilobits(track.bandwidth)}` : kilobits(track.bandwidth);
    if (!heights.has(label)) heights.set(label, track);
  }
  const sorted = [...heights].sort(([, a], [, b]) => b.bandwidth - a.bandwidth);
  const chosen = select.value || 'auto';
  const automatic = new Option('Auto', 'auto');
  select.replaceChildren(automatic, ...sorted.map(([label, track]) => new Option(label, String(track.id))));
  select.value = [...select.options].some((option) => option.value === chosen) ? chosen : 'auto';
  select.hidden = sorted.length < 2;
}

function listTexts() {
  const select = byId('text');
  const tracks = player.getTextTracks();
  select.hidden = tracks.length === 0;
  select.replaceChildren(new Option('No subtitles', ''),
    ...tracks.map((track) => new Option(track.label || track.language || `Subtitles ${track.id}`, String(track.id))));
}

byId('quality').addEventListener('change', ({target}) => {
  player.configure({abr: {enabled: target.value === 'auto'}});
  const track = player.getVariantTracks().find((variant) => String(variant.id) === target.value);
  if (track) player.selectVariantTrack(track, true, 2);
});
byId('text').addEventListener('change', ({target}) => {
  const track = player.getTextTracks().find((text) => String(text.id) === target.value);
  player.selectTextTrack(track || null);
});
byId('toggle').addEventListener('click', toggle);
byId('mute').addEventListener('click', () => { video.muted = !video.muted; });
byId('volume').addEventListener('input', ({target}) => {
  video.volume = Number(target.value);
  video.muted = video.volume === 0;
});
byId('seek').addEventListener('input', ({target}) => { video.currentTime = Number(target.value); });
byId('edge').addEventListener('click', () => { player.goToLive(); video.play(); });
byId('full').addEventListener('click', () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else stage.requestFullscreen();
});
video.addEventListener('click', toggle);
video.addEventListener('playing', () => { played = true; }, {once: true});
video.addEventListener('waiting', () => { if (played && !video.seeking) stalls += 1; });
document.addEventListener('keydown', (event) => {
  if (!player || ['INPUT', 'SELECT', 'BUTTON'].includes(event.target.tagName)) return;
  if (event.key === ' ') { event.preventDefault(); toggle(); }
  if (event.key === 'm') video.muted = !video.muted;
  if (event.key === 'f') byId('full').click();
  if (event.key === 'ArrowLeft') video.currentTime -= 5;
  if (event.key === 'ArrowRight') video.currentTime += 5;
});

function toggle() {
  if (video.paused) video.play();
  else video.pause();
}

// The controls leave when the pointer rests.
let rest = 0;
function wake() {
  stage.classList.remove('idle');
  clearTimeout(rest);
  rest = setTimeout(() => { if (!video.paused) stage.classList.add('idle'); }, 2500);
}
stage.addEventListener('pointermove', wake);
stage.addEventListener('focusin', wake);
wake();

readClock();
start();
