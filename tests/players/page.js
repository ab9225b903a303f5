// Plays one URL with one player, both with the settings they come with, and tells how it goes:
//   /?player=hls.js|dash.js|shaka&src=URL[&config=JSON]
// `config` is given to the player's own way of being configured. For the driver: `window.player` is
// the player, `window.state()` what follows below, `window.failures` what went wrong for good, and
// `window.picture()` a promise of the clock that is in the picture.
'use strict';

const query = new URLSearchParams(location.search);
const source = query.get('src');
const config = JSON.parse(query.get('config') || '{}');
const video = document.getElementById('video');

window.failures = []; // what a player cannot go on from
window.troubles = []; // what it says it recovers from
window.events = []; // what happened to the video, for reports of failed tests

function note(list, text) {
  list.push(`${Math.round(performance.now())} ms: ${text}`);
  if (list.length > 200) list.shift();
}

// Each gives {player, latency(), date()}: how far behind live the player says it is, in seconds, and
// the wall clock time of the picture, in milliseconds since the epoch; null while not known.
const starters = {
  'hls.js': async () => {
    await script('/hls.js');
    const hls = new Hls(config);
    hls.on(Hls.Events.ERROR, (_, data) => {
      const text = `${data.type} ${data.details} ${data.error ? data.error.message : ''}`;
      // What the documentation of hls.js asks pages to do.
      const canGoOn = data.fatal && data.type === Hls.ErrorTypes.NETWORK_ERROR && hls.levels.length > 0;
      note(data.fatal && !canGoOn ? window.failures : window.troubles, text);
      if (canGoOn) hls.startLoad();
    });
    hls.loadSource(source);
    hls.attachMedia(video);
    const date = () => (hls.playingDate ? hls.playingDate.getTime() : null);
    return {player: hls, latency: () => hls.latency, date};
  },
  'dash.js': async () => {
    await script('/dash.js');
    const player = dashjs.MediaPlayer().create();
    player.updateSettings(config);
    player.on(dashjs.MediaPlayer.events.ERROR, ({error}) => {
      note(window.failures, error ? `${error.code} ${error.message}` : 'error');
    });
    player.initialize(video, source, true);
    const whenReady = (read) => () => (player.isReady() && video.readyState > 0 ? read() : null);
    return {
      player,
      latency: whenReady(() => player.getCurrentLiveLatency()),
      date: whenReady(() => player.timeAsUTC() * 1000),
    };
  },
  shaka: async () => {
    await script('/shaka.js');
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.addEventListener('error', ({detail}) => {
      const isFatal = detail.severity === shaka.util.Error.Severity.CRITICAL;
      note(isFatal ? window.failures : window.troubles, describe(detail));
    });
    player.configure(config);
    await player.attach(video);
    const date = () => {
      const at = player.getPlayheadTimeAsDate();
      return at ? at.getTime() : null;
    };
    const latency = () => (date() === null ? null : (Date.now() - date()) / 1000);
    player.load(source).catch((error) => note(window.failures, `load: ${describe(error)}`));
    return {player, latency, date};
  },
};

function describe(error) {
  if (!window.shaka || !(error instanceof shaka.util.Error)) return String(error && error.stack || error);
  return `${error.code} category ${error.category} ${JSON.stringify(error.data).slice(0, 300)}`;
}

function script(url) {
  return new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = url;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`cannot load ${url}`));
    document.head.append(element);
  });
}

for (const name of ['playing', 'waiting', 'stalled', 'seeking', 'seeked', 'ended', 'pause', 'ratechange']) {
  video.addEventListener(name, () => {
    note(window.events, `${name} at ${video.currentTime.toFixed(3)} × ${video.playbackRate}`);
  });
}
video.addEventListener('error', () => note(window.failures, `video: ${video.error.message}`));
window.addEventListener('error', ({message}) => note(window.troubles, `script: ${message}`));
window.addEventListener('unhandledrejection', ({reason}) => note(window.troubles, `promise: ${describe(reason)}`));

let ways = null;

// The buffers of each kind, which `video.buffered` is the overlap of.
const sources = [];
const addSourceBuffer = MediaSource.prototype.addSourceBuffer;
MediaSource.prototype.addSourceBuffer = function (type) {
  const buffer = addSourceBuffer.call(this, type);
  sources.push({type, buffer});
  return buffer;
};

function bufferedOf({type, buffer}) {
  try {
    return [type, ranges(buffer.buffered).slice(-3)];
  } catch (error) {
    return [type, String(error)]; // it was taken off its source
  }
}

// What each loader of hls.js is at.
function loaders() {
  if (query.get('player') !== 'hls.js' || !window.player) return undefined;
  return window.player.networkControllers.map((of) => ({
    of: of.constructor.name,
    state: of.state,
    fragment: of.fragCurrent && [of.fragCurrent.sn, of.fragCurrent.cc, of.fragCurrent.type],
    position: of.nextLoadPosition,
    list: of.levelLastLoaded && of.levelLastLoaded.details && [of.levelLastLoaded.details.endSN, of.levelLastLoaded.details.lastPartSn],
  }));
}

const ranges = (of) => Array.from(of, (_, at) => [of.start(at), of.end(at)]);

const finite = (number) => (Number.isFinite(number) ? number : null);

window.state = () => ({
  player: query.get('player'),
  source,
  now: Date.now(),
  time: video.currentTime,
  paused: video.paused,
  ready: video.readyState,
  rate: video.playbackRate,
  size: [video.videoWidth, video.videoHeight],
  frames: video.getVideoPlaybackQuality().totalVideoFrames,
  dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
  bytes: [video.webkitVideoDecodedByteCount, video.webkitAudioDecodedByteCount],
  buffered: ranges(video.buffered),
  sources: sources.map(bufferedOf),
  loaders: loaders(),
  latency: ways && finite(ways.latency()),
  date: ways && finite(ways.date()),
  failures: window.failures,
  troubles: window.troubles,
  events: window.events,
});

// For pictures of the test source with its clock: what that says beside what the player does.
window.picture = () => picturedWith(video, () => ways && finite(ways.date()));

starters[query.get('player')]()
  .then((started) => {
    ways = started;
    window.player = started.player;
  })
  .catch((error) => note(window.failures, describe(error)));
