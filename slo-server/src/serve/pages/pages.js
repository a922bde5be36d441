// Live numbers, filters without a reload, and charts that tell their values. Pages work without it.
'use strict';

const main = () => document.getElementById('main');
const lost = document.getElementById('lost');
let answered = Date.now();
let isBusy = false;
let shown = '';
// A press and its release are on the same element.
let isPressed = false;
document.addEventListener('pointerdown', () => { isPressed = true; }, true);
for (const name of ['pointerup', 'pointercancel', 'dragend', 'blur']) window.addEventListener(name, () => { isPressed = false; }, true);

// Asks for this page again, and puts the new content in place of the old.
async function refresh() {
  if (isBusy || isPressed || main().querySelector('.zoom')) return;
  isBusy = true;
  const asked = location.href;
  try {
    const response = await fetch(asked, {headers: {accept: 'text/html'}});
    const text = await response.text();
    if (asked !== location.href) return;
    const next = new DOMParser().parseFromString(text, 'text/html').getElementById('main');
    // Another page, such as that of a proxy where one signs in.
    if (response.redirected || !next) return tellLost();
    answered = Date.now();
    lost.hidden = true;
    if (text !== shown) show(new DOMParser().parseFromString(text, 'text/html'));
    shown = text;
  } catch {
    tellLost();
  } finally {
    isBusy = false;
    if (asked !== location.href) refresh();
  }
}

// What can have the focus: the content itself, too, to which the first link skips.
const focusable = () => [main(), ...main().querySelectorAll('a, button, input, select, summary, [tabindex]')];

function show(page) {
  const next = page.getElementById('main');
  const open = [...main().querySelectorAll('details[open][id]')].map((one) => one.id);
  const before = focusable();
  const focused = document.activeElement;
  const place = before.indexOf(focused);
  const caret = focused?.matches?.('input') ? [focused.selectionStart, focused.selectionEnd] : null;
  const told = [...main().querySelectorAll('.chart-box[data-place]')].map((box) => [box.id, Number(box.dataset.place)]);
  const scrolled = wide().map((box) => box.scrollLeft);
  // What somebody types or chooses stays.
  for (const old of main().querySelectorAll('[data-keep] [id]')) {
    const field = next.querySelector('#' + old.id);
    if (field && field.value !== old.value) field.value = old.value;
  }
  main().replaceWith(document.adoptNode(next));
  document.title = page.title;
  const icon = page.querySelector('link[rel=icon]');
  if (icon) document.querySelector('link[rel=icon]').href = icon.getAttribute('href');
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  if (place >= 0) {
    const after = focusable();
    const same = (one) => one.id === focused.id && one.textContent === focused.textContent;
    const again = (focused.id && document.getElementById(focused.id)) || (after[place] && same(after[place]) ? after[place] : after.find(same));
    again?.focus({preventScroll: true});
    if (caret && caret[0] !== null) again?.setSelectionRange?.(...caret);
  }
  wide().forEach((box, index) => { if (scrolled[index]) box.scrollLeft = scrolled[index]; });
  for (const [id, where] of told) if (document.getElementById(id)) tell(document.getElementById(id), where);
}

// What scrolls sideways in a narrow window.
const wide = () => [...main().querySelectorAll('.wide, .chart-box')];
// The newest values are on the right.
for (const box of main().querySelectorAll('.chart-box')) box.scrollLeft = box.scrollWidth;

function tellLost() {
  lost.textContent = `No answer from this server for ${Math.round((Date.now() - answered) / 1000)} s: these numbers are old.`;
  lost.hidden = false;
}

// Server-sent events while somebody looks: a browser has few connections to a server.
const address = document.body.dataset.events;
let events;
function listen() {
  events?.close();
  if (!address || document.hidden) return;
  events = new EventSource(address);
  events.addEventListener('tick', refresh);
  events.onopen = () => { if (!lost.hidden) refresh(); };
}
document.addEventListener('visibilitychange', () => {
  listen();
  if (!document.hidden) refresh();
});
listen();
setInterval(() => {
  if (document.hidden || main().dataset.still !== undefined) return;
  // A browser gives up after an answer that is no stream.
  if (address && events?.readyState === EventSource.CLOSED) listen();
  if (address && events?.readyState !== EventSource.OPEN) refresh();
  // Incidents change without numbers, and a report becomes ready.
  else if (document.getElementById('waiting') || !address || location.pathname.includes('/incidents')) refresh();
}, 3000);

// Filters: the address follows the form, so that it can be sent to somebody.
let typing;
function follow(form) {
  const pairs = [...new FormData(form)].filter(([, value]) => value !== '');
  const query = new URLSearchParams(pairs).toString();
  history.replaceState(null, '', location.pathname + (query ? '?' + query : ''));
  refresh();
}
document.addEventListener('input', (event) => {
  const form = event.target.closest('form[data-keep][method=get]');
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => follow(form), event.target.type === 'search' ? 200 : 0);
});
document.addEventListener('submit', (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    return;
  }
  if (event.target.matches('form[data-keep][method=get]')) {
    event.preventDefault();
    follow(event.target);
  }
});
// `/` goes to the search.
document.addEventListener('keydown', (event) => {
  const box = document.getElementById('q');
  if (event.key === '/' && box && !event.target.matches('input, select, textarea')) {
    event.preventDefault();
    box.focus();
  }
});

// Charts.
const SVG = 'http://www.w3.org/2000/svg';
const frame = (svg) => Object.fromEntries(['start', 'end', 'left', 'right', 'top', 'bottom'].map((name) => [name, Number(svg.dataset[name])]));

// The position of the pointer in the units of the chart.
function position(svg, event) {
  const box = svg.getBoundingClientRect();
  return ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
}

const timeAt = (svg, x) => {
  const {start, end, left, right} = frame(svg);
  return start + (end - start) * Math.min(1, Math.max(0, (x - left) / (right - left)));
};

function number(value, unit) {
  const [scaled, suffix] = unit === 'share' ? [value * 100, ' %'] : [value, {factor: '×', 'per-second': ' /s'}[unit] ?? ''];
  const digits = Math.abs(scaled) >= 1000 ? 0 : Math.abs(scaled) >= 10 ? 2 : 4;
  return scaled.toLocaleString('en', {maximumFractionDigits: digits}) + suffix;
}

// On the clock of the page; with seconds, if a chart is so short that they matter.
const zone = document.body.dataset.zone;
function clock(millis, length) {
  const style = {timeZone: zone, dateStyle: 'short', timeStyle: length < 7200000 ? 'medium' : 'short'};
  return `${new Intl.DateTimeFormat('sv-SE', style).format(millis)} ${zone}`;
}

// The values at a share of the time axis, from 0 to 1, next to a line through the chart.
function tell(box, share) {
  const svg = box.querySelector('svg.chart');
  const {start, end, left, right, top, bottom} = frame(svg);
  share = Math.min(1, Math.max(0, share));
  box.dataset.place = share;
  const lines = [clock(start + (end - start) * share, end - start)];
  for (const group of svg.querySelectorAll('g.values')) {
    const values = group.dataset.values.split(',');
    const index = group.dataset.kind === 'bars' ? Math.min(values.length - 1, Math.floor(share * values.length)) : Math.round(share * (values.length - 1));
    lines.push(`${group.dataset.name}: ${values[index] === '' ? 'no data' : number(Number(values[index]), svg.dataset.unit)}`);
  }
  if (svg.dataset.counts) {
    const steps = svg.dataset.counts.split(';');
    const counts = steps[Math.min(steps.length - 1, Math.floor(share * steps.length))].split(',');
    svg.dataset.bounds.split(',').forEach((bound, index) => { if (Number(counts[index]) > 0) lines.push(`≤ ${bound}: ${number(Number(counts[index]), 'count')}`); });
  }
  let cursor = svg.querySelector('.cursor');
  if (!cursor) {
    cursor = document.createElementNS(SVG, 'line');
    cursor.setAttribute('class', 'cursor');
    svg.append(cursor);
  }
  const x = left + (right - left) * share;
  for (const [name, value] of Object.entries({x1: x, x2: x, y1: top, y2: bottom})) cursor.setAttribute(name, value);
  const output = box.querySelector('output');
  output.textContent = lines.join('\n');
  const place = box.getBoundingClientRect();
  const at = (x / svg.viewBox.baseVal.width) * svg.getBoundingClientRect().width + svg.getBoundingClientRect().left - place.left;
  output.style.left = at < place.width / 2 ? `${at + 14}px` : 'auto';
  output.style.right = at < place.width / 2 ? 'auto' : `${place.width - at + 14}px`;
}

function forget(box) {
  box.querySelector('.cursor')?.remove();
  box.querySelector('output').textContent = '';
  delete box.dataset.place;
}

const boxOf = (event) => event.target.closest?.('svg.chart')?.closest('.chart-box');
let zoom = null;

document.addEventListener('pointermove', (event) => {
  if (zoom) {
    const x = position(zoom.svg, event);
    zoom.mark.setAttribute('x', Math.min(x, zoom.from));
    zoom.mark.setAttribute('width', Math.abs(x - zoom.from));
    return;
  }
  const box = boxOf(event);
  for (const other of document.querySelectorAll('.chart-box[data-place]')) if (other !== box && other !== document.activeElement) forget(other);
  if (!box) return;
  const svg = box.querySelector('svg.chart');
  const {left, right} = frame(svg);
  tell(box, (position(svg, event) - left) / (right - left));
});

document.addEventListener('pointerdown', (event) => {
  const box = boxOf(event);
  if (!box || event.button !== 0 || event.pointerType === 'touch') return;
  event.preventDefault();
  box.focus({preventScroll: true});
  const svg = box.querySelector('svg.chart');
  const {top, bottom} = frame(svg);
  const mark = document.createElementNS(SVG, 'rect');
  for (const [name, value] of Object.entries({class: 'zoom', y: top, height: bottom - top, x: 0, width: 0})) mark.setAttribute(name, value);
  svg.append(mark);
  zoom = {svg, mark, from: position(svg, event)};
});

document.addEventListener('pointerup', (event) => {
  if (!zoom) return;
  const {svg, mark, from} = zoom;
  zoom = null;
  mark.remove();
  const to = position(svg, event);
  if (Math.abs(to - from) < 6) return;
  const [start, end] = [from, to].map((x) => Math.round(timeAt(svg, x))).sort((one, other) => one - other);
  goTo(Math.min(start, end - 60000), end);
});

function goTo(from, to) {
  const query = new URLSearchParams(location.search);
  query.delete('range');
  query.set('from', from);
  query.set('to', to);
  history.pushState(null, '', `${location.pathname}?${query}`);
  refresh();
}
window.addEventListener('popstate', refresh);

// Arrow keys tell the values, + zooms in around them, Escape forgets them.
document.addEventListener('keydown', (event) => {
  const box = event.target.closest?.('.chart-box');
  if (!box) return;
  const here = Number(box.dataset.place ?? 1);
  const step = event.shiftKey ? 0.1 : 0.01;
  if (event.key === 'ArrowLeft') tell(box, here - step);
  else if (event.key === 'ArrowRight') tell(box, here + step);
  else if (event.key === 'Escape') forget(box);
  else if (event.key === '+') {
    const {start, end} = frame(box.querySelector('svg.chart'));
    const [middle, half] = [start + (end - start) * here, (end - start) / 8];
    goTo(Math.round(Math.max(start, middle - half)), Math.round(Math.min(end, middle + half)));
  } else return;
  event.preventDefault();
});
