// Reads the wall clock that the built-in test source draws into its picture: HH:MM:SS.mmm, UTC, and
// the number of the frame; white on black, centred, its upper edge at 72 % of the height, digits of one
// width, a tenth of the height high. What a player says of its latency can be checked against it.
'use strict';

const SIZE = [1280, 720]; // every rung is looked at in this size
const FACE = ['DejaVu Sans Mono', 72]; // what the source draws with, and how high
const ADVANCE = 43; // from one glyph to the next
const TOP = 518;
const HEIGHT = 54;
const CELLS = [10, 16]; // glyphs are compared as so many grey cells
const WHITE = 140;

const canvas = document.createElement('canvas');
[canvas.width, canvas.height] = SIZE;
const context = canvas.getContext('2d', {willReadFrequently: true});
let known = null; // the cells of each glyph

// Returns the box around what is white in a rectangle of `grey(x, y)`, null when nothing is.
function bounds(grey, left, right, top, bottom) {
  const box = {left: Infinity, right: -1, top: Infinity, bottom: -1};
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      if (grey(x, y) <= WHITE) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  return box.right < 0 ? null : box;
}

function cellsOf(grey, box) {
  const [columns, rows] = CELLS;
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const sums = new Float64Array(columns * rows);
  const counts = new Float64Array(columns * rows);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
      sums[at] += grey(box.left + x, box.top + y) / 255;
      counts[at] += 1;
    }
  }
  return {cells: sums.map((sum, at) => sum / Math.max(counts[at], 1)), width, height};
}

function learn() {
  known = new Map();
  const [face, height] = FACE;
  context.font = `${height}px "${face}"`;
  for (const glyph of '0123456789:.') {
    context.fillStyle = 'black';
    context.fillRect(0, 0, 100, 120);
    context.fillStyle = 'white';
    context.fillText(glyph, 20, 90);
    const {data} = context.getImageData(0, 0, 100, 120);
    const grey = (x, y) => data[4 * (y * 100 + x)];
    known.set(glyph, cellsOf(grey, bounds(grey, 0, 100, 0, 120)));
  }
}

// Returns the likeliest glyph between two columns and how much it differs.
function read(grey, left, right) {
  const box = bounds(grey, left, right, 0, HEIGHT);
  if (!box) return {glyph: ' ', off: 0};
  const seen = cellsOf(grey, box);
  let best = {glyph: '?', off: Infinity};
  for (const [glyph, {cells, width, height}] of known) {
    let off = 0.02 * ((width - seen.width) ** 2 + (height - seen.height) ** 2);
    cells.forEach((cell, at) => { off += (cell - seen.cells[at]) ** 2; });
    if (off < best.off) best = {glyph, off};
  }
  return best;
}

// Returns the wall clock of a picture in milliseconds since the epoch, null when it shows none.
function pictured(picture) {
  if (!known) learn();
  context.drawImage(picture, 0, 0, ...SIZE);
  const [width] = SIZE;
  const {data} = context.getImageData(0, TOP, width, HEIGHT);
  // The background is of colours, the text is not.
  const grey = (x, y) => Math.min(...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3));
  let best = null;
  for (let digits = 1; digits <= 8; digits += 1) {
    const start = Math.round(width / 2 - (ADVANCE * (13 + digits)) / 2);
    let [text, off] = ['', 0];
    for (let at = start; text.length < 12; at += ADVANCE) {
      const found = read(grey, at, at + ADVANCE);
      text += found.glyph;
      off += found.off;
    }
    const parts = text.match(/^(\d\d):(\d\d):(\d\d)\.(\d\d\d)$/);
    if (parts && (!best || off < best.off)) best = {parts: parts.slice(1).map(Number), off};
  }
  if (!best) return null;
  const [hours, minutes, seconds, ms] = best.parts;
  const midnight = new Date().setUTCHours(0, 0, 0, 0);
  const time = midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
  const day = 86400e3;
  return time > Date.now() + day / 2 ? time - day : time; // drawn before midnight
}

// Returns a promise of the wall clock of the next picture that a video shows, of the time that
// `date()` gives for it, and of the time at which it was shown, in milliseconds since the epoch; of null
// when none is shown for a second.
window.picturedWith = (video, date) => new Promise((resolve) => {
  const give = () => resolve({now: Date.now(), date: date(), pictured: pictured(video)});
  video.requestVideoFrameCallback(give);
  setTimeout(() => resolve(null), 1000);
});
