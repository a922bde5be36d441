// Live numbers, filters without a reload, and charts that tell their values. Pages work without it.
'use strict';

const main = () => document.getElementById('main');
const lost = document.getElementById('lost');
let answered = Date.now();
let isBusy = false;

// Asks for this page again, and puts the new content in place of the old.
async function refresh() {
  if (isBusy || main().querySelector('.zoom')) return;
  isBusy = true;
  const asked = location.href;
  try {
    const response = await fetch(asked, {headers: {accept: 'text/html'}});
    const text = await response.text();
    if (response.redirected || asked !== location.href) return;
    show(new DOMParser().parseFromString(text, 'text/html'));
    answered = Date.now();
    lost.hidden = true;
  } catch {
    tellLost();
  } finally {
    isBusy = false;
    if (asked !== location.href) refresh();
  }
}

function show(page) {
  const next = page.getElementById('main');
  if (!next) return;
  const open = [...main().querySelectorAll('details[open][id]')].map((one) => one.id);
  const focused = document.activeElement?.id;
  const told = [...main().querySelectorAll('.chart-box[data-place]')].map((box) => [box.id, Number(box.dataset.place)]);
  const scrolled = wide().map((box) => box.scrollLeft);
  // What somebody types into stays; its choices may be new.
  for (const kept of main().querySelectorAll('[data-keep]')) next.querySelector('#' + kept.id)?.replaceWith(kept);
  main().replaceWith(document.adoptNode(next));
  document.title = page.title;
  const icon = page.querySelector('link[rel=icon]');
  if (icon) document.querySelector('link[rel=icon]').href = icon.getAttribute('href');
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  const again = focused && document.getElementById(focused);
  if (again && again !== document.activeElement) again.focus({preventScroll: true});
  wide().forEach((box, index) => { if (scrolled[index]) box.scrollLeft = scrolled[index]; });
  for (const [id, place] of told) if (document.getElementById(id)) tell(document.getElementById(id), place);
}

// What scrolls sideways in a narrow window.
const wide = () => [...main().querySelectorAll('.wide, .chart-box')];
// The newest values are on the right.
for (const box of main().querySelectorAll('.chart-box')) box.scrollLeft = box.scrollWidth;

function tellLost() {
  lost.textContent = `No answer from this server for ${Math.round((Date.now() - answered) / 1000)} s: these numbers are old.`;
  lost.hidden = false;
}

const address = document.body.dataset.events;
if (address) {
  const events = new EventSource(address);
  events.addEventListener('tick', refresh);
  events.onopen = () => { if (!lost.hidden) refresh(); };
  events.onerror = () => setTimeout(() => { if (events.readyState !== EventSource.OPEN) tellLost(); }, 1500);
}
// Incidents change without numbers, and a report becomes ready.
setInterval(() => {
  if (document.getElementById('waiting') || (!address && !document.hidden) || location.pathname.includes('/incidents')) refresh();
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
  const question = (event.submitter ?? event.target).dataset.confirm ?? event.target.dataset.confirm;
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

// With seconds, if a chart is so short that they matter.
const clock = (millis, length) => new Date(millis).toISOString().slice(0, length < 7200000 ? 19 : 16).replace('T', ' ') + ' UTC';

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
  goTo(start, Math.max(end, start + 60000));
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
