// Relay streams on the home page. Each is opened when somebody wants to see it, and left when not: it
// costs a connection, and may start a program.
//
// | content type | shown by |
// |---|---|
// | MPEG-TS, FLV | a <video> that mpegts.js feeds; that is loaded when it is needed first |
// | multipart/x-mixed-replace | an <img> |
// | JPEGs in a row, shots | an <img> that is given picture after picture |
// | audio/… | an <audio>, a bit behind |
// | other video/…, Ogg | a <video>, a bit behind |
//
// For tests: what is wrong is put into the data-error of details.watch.
'use strict';

const MPEGTS = '/static/vendor/mpegts.js/mpegts.js';
const SHOT_EVERY_MS = 1000;
// What stands still for so long, or has come to its end, is opened anew.
const STUCK_MS = 10000;
const AGAIN_MS = 1000;

for (const details of document.querySelectorAll('details.watch')) {
  let viewing = null;
  details.hidden = false;
  details.addEventListener('toggle', () => {
    if (viewing) viewing.close();
    viewing = details.open ? new Viewing(details) : null;
  });
}

class Viewing {
  constructor(details) {
    this.details = details;
    this.path = details.dataset.live;
    this.closing = new AbortController();
    this.first = new AbortController();
    this.note = details.querySelector('[role="status"]');
    this.element = null;
    this.player = null;
    this.moved = {time: 0, at: 0};
    this.hasPlayed = false;
    this.isLost = false;
    this.timer = null;
    this.say('Waiting for the stream…');
    this.open().catch((error) => this.fail(error));
  }

  async open() {
    // What nobody has watched yet is not known. It is opened to be told, and stays open until it plays.
    this.closing.signal.addEventListener('abort', () => this.first.abort());
    const type = this.details.dataset.type || (await this.ask(this.first.signal)).headers.get('content-type');
    const kind = type.split(';')[0].trim().toLowerCase();
    if (this.closing.signal.aborted) return;
    if (kind === 'multipart/x-mixed-replace') this.showPicture(this.path);
    else if (kind === 'video/x-motion-jpeg') this.showJpegs();
    else if (kind.startsWith('image/')) this.showShots();
    else if (kind === 'video/mp2t' || kind === 'video/x-flv') await this.showSource(kind);
    else if (kind.startsWith('audio/')) this.showMedia('audio').src = behind(this.path);
    else if (kind.startsWith('video/') || kind === 'application/ogg') this.showMedia('video').src = behind(this.path);
    else throw new Error(`Browsers cannot show ${kind}; open the URL with a player.`);
  }

  shown() {
    this.first.abort();
    this.hasPlayed = true;
    this.say('');
  }

  close() {
    this.closing.abort();
    clearInterval(this.timer);
    if (this.player) this.player.destroy();
    if (this.element) {
      if (this.element.pause) this.element.pause();
      // Without an address the connection is closed at once.
      this.element.removeAttribute('src');
      if (this.element.load) this.element.load();
      this.element.remove();
    }
    this.say('');
    delete this.details.dataset.error;
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = text === '';
  }

  fail(error) {
    if (this.closing.signal.aborted) return;
    const text = error instanceof Error ? error.message : String(error);
    this.details.dataset.error = text;
    this.say(text);
  }

  // Asks the server; its refusals are sentences.
  async ask(signal = this.closing.signal) {
    const answer = await fetch(this.path, {signal, cache: 'no-store'});
    if (!answer.ok) throw new Error((await answer.text()).split('\n')[0] || `Status ${answer.status}`);
    return answer;
  }

  // What has played is opened anew; of the rest the server knows best why it does not.
  async lost(reason) {
    if (this.closing.signal.aborted || this.isLost) return;
    this.isLost = true;
    if (this.hasPlayed) {
      this.say('The stream was lost; opening it again…');
      setTimeout(() => {
        if (!this.closing.signal.aborted) this.details.dispatchEvent(new Event('toggle'));
      }, AGAIN_MS);
      return;
    }
    this.first.abort();
    this.first = new AbortController();
    try {
      await this.ask(this.first.signal);
      this.fail(reason);
    } catch (error) {
      this.fail(error);
    }
    this.first.abort();
  }

  show(element) {
    this.element = element;
    this.details.append(element);
    return element;
  }

  showPicture(address) {
    const image = this.element || this.show(document.createElement('img'));
    image.alt = this.details.dataset.name;
    image.onerror = () => this.lost('This picture cannot be shown.');
    image.onload = () => this.shown();
    image.src = address;
    return image;
  }

  showMedia(name) {
    const media = this.show(document.createElement(name));
    media.controls = true;
    media.muted = name === 'video'; // what makes no sound may begin by itself
    media.playsInline = true;
    media.setAttribute('aria-label', this.details.dataset.name);
    media.addEventListener('playing', () => this.shown());
    media.addEventListener('ended', () => this.lost('The stream has ended.'));
    media.addEventListener('error', () => {
      const reason = media.error && media.error.message;
      this.lost(`This browser cannot play the stream${reason ? ` (${reason})` : ''}.`);
    });
    media.autoplay = true;
    this.timer = setInterval(() => {
      if (media.currentTime !== this.moved.time || media.paused) {
        this.moved = {time: media.currentTime, at: performance.now()};
      } else if (this.hasPlayed && performance.now() - this.moved.at > STUCK_MS) {
        this.lost('The stream stands still.');
      }
    }, 1000);
    return media;
  }

  async showSource(kind) {
    await loadScript(MPEGTS);
    if (this.closing.signal.aborted) return;
    if (!mpegts.isSupported()) throw new Error('This browser has no Media Source Extensions.');
    mpegts.LoggingControl.applyConfig({enableVerbose: false, enableDebug: false, enableInfo: false, enableWarn: false});
    const video = this.showMedia('video');
    const source = {type: kind === 'video/x-flv' ? 'flv' : 'mpegts', isLive: true, url: new URL(this.path, location.href).href};
    this.player = mpegts.createPlayer(source, {
      enableStashBuffer: false, lazyLoad: false, autoCleanupSourceBuffer: true,
      liveSync: true, liveSyncMaxLatency: 3, liveSyncTargetLatency: 1.5,
    });
    this.player.on(mpegts.Events.ERROR, (type, detail, info) => {
      this.lost(`This browser cannot play the stream (${(info && info.msg) || detail}).`);
    });
    this.player.on(mpegts.Events.LOADING_COMPLETE, () => this.lost('The stream has ended.'));
    this.player.attachMediaElement(video);
    this.player.load();
    const playing = this.player.play();
    if (playing) playing.catch(() => {}); // a browser that forbids it leaves it to the button
  }

  // Shows a picture that is here, and forgets the one before.
  showBlob(blob) {
    const before = this.element && this.element.src;
    const image = this.showPicture(URL.createObjectURL(blob));
    if (before) URL.revokeObjectURL(before);
    return image.decode().catch(() => {});
  }

  async showShots() {
    try {
      while (!this.closing.signal.aborted) {
        await this.showBlob(await (await this.ask()).blob());
        await new Promise((done) => { setTimeout(done, SHOT_EVERY_MS); });
      }
    } catch (error) {
      this.fail(error);
    }
  }

  // A picture of JPEGs in a row ends where the next begins.
  async showJpegs() {
    try {
      const reader = (await this.ask()).body.getReader();
      let held = new Uint8Array();
      for (let {done, value} = await reader.read(); !done; {done, value} = await reader.read()) {
        const bytes = new Uint8Array(held.length + value.length);
        bytes.set(held);
        bytes.set(value, held.length);
        const border = lastBorder(bytes);
        held = bytes.slice(border);
        if (border) {
          const begin = lastBorder(bytes.subarray(0, border - 2));
          await this.showBlob(new Blob([bytes.subarray(begin, border)], {type: 'image/jpeg'}));
        }
      }
      this.lost('The stream has ended.');
    } catch (error) {
      this.fail(error);
    }
  }
}

// Browsers begin to play when they have some 100 KB: with what there was last they begin at once.
function behind(path) {
  return `${path}?burst=4s`;
}

// Returns where the last picture begins that another one is before, or 0.
function lastBorder(bytes) {
  for (let at = bytes.length - 4; at >= 0; at -= 1) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9 && bytes[at + 2] === 0xff && bytes[at + 3] === 0xd8) return at + 2;
  }
  return 0;
}

const scripts = new Map();
function loadScript(address) {
  if (!scripts.has(address)) {
    scripts.set(address, new Promise((done, failed) => {
      const script = document.createElement('script');
      script.src = address;
      script.onload = done;
      script.onerror = () => failed(new Error(`${address} cannot be loaded.`));
      document.head.append(script);
    }));
  }
  return scripts.get(address);
}
