// The page: sliders, wipe, sequence, map, list, screenshots.
import { loadHead } from './head.js';
import { Stage } from './stage.js';

const GROUPS = [
  ['Jaw', /^jaw|^tongue/], ['Mouth', /^mouth/], ['Eyes', /^eye/], ['Brows', /^brow/],
  ['Cheeks and nose', /^cheek|^nose/], ['Other', /./],
];
const HIDDEN = new Set(['original']);
const find = (id) => document.getElementById(id);
const state = { head: null, wipe: false, at: 0.5, playing: false, time: null, last: 0 };
const stage = new Stage(find('view'));
stage.sides = sides;
start().catch(fail);

async function start() {
  const scene = await readScene();
  document.title = scene.title;
  find('title').textContent = scene.title;
  listModels(scene.models);
  listen();
  await show(scene.models[0]);
}

async function readScene() {
  const inline = find('scene');
  if (inline) return JSON.parse(inline.textContent);
  const answer = await fetch('scene.json');
  if (!answer.ok) throw new Error(`scene.json: ${answer.status}`);
  return answer.json();
}

async function show(model) {
  document.body.dataset.state = 'loading';
  say(`Loading ${model.label} …`);
  stop();
  const head = await loadHead(model.url);
  if (state.head) stage.scene.remove(state.head.root);
  state.head = head;
  state.time = null;
  state.name = model.label;
  stage.scene.add(head.root);
  stage.frame(head.box());
  for (const button of find('models').querySelectorAll('button')) button.setAttribute('aria-current', String(button.dataset.url === model.url));
  find('edit').hidden = !head.editable;
  find('motion').hidden = !head.clip;
  find('frame').max = head.duration;
  find('history').replaceChildren(...model.history.map(entry));
  find('history').hidden = !model.history.length;
  buildUnits(head);
  setStrength(1);
  setWipe(false);
  say(head.clip ? `A sequence of ${head.duration.toFixed(1)} s.` : model.note);
  document.body.dataset.state = 'ready';
  if (head.clip) { setTime(0); play(); }
}

function sides() {
  const { head } = state;
  if (!head) return [];
  const side = (from, to, strength) => ({ from, to, prepare: () => head.pose(strength, state.time) });
  const strength = Number(find('strength').value);
  if (!state.wipe) return [side(0, 1, strength)];
  return [side(0, state.at, 0), side(state.at, 1, strength)];
}

// --- list of heads and edits ---

function listModels(models) {
  const rows = models.map((model) => {
    const button = document.createElement('button');
    button.dataset.url = model.url;
    button.append(text('strong', model.label), text('span', model.note));
    button.addEventListener('click', () => show(model).catch(fail));
    const row = document.createElement('li');
    row.append(button);
    return row;
  });
  find('models').replaceChildren(...rows);
  find('list').hidden = models.length < 2;
}

function entry(edit) {
  const known = edit.similarity === undefined ? '' : `similarity ${Number(edit.similarity).toFixed(2)}`;
  const row = document.createElement('li');
  row.append(text('strong', edit.prompt), text('span', known));
  return row;
}

function text(tag, content) {
  const node = document.createElement(tag);
  node.textContent = content ?? '';
  return node;
}

// --- units ---

function buildUnits(head) {
  const left = head.units.filter((name) => !HIDDEN.has(name));
  const groups = [];
  for (const [title, pattern] of GROUPS) {
    const names = left.filter((name) => pattern.test(name));
    for (const name of names) left.splice(left.indexOf(name), 1);
    if (!names.length) continue;
    const group = document.createElement('details');
    group.open = title === 'Jaw';
    group.append(text('summary', title), ...names.map((name) => slider(head, name)));
    groups.push(group);
  }
  find('units').replaceChildren(...groups);
  find('face').hidden = !groups.length;
}

function slider(head, name) {
  const row = document.createElement('label');
  const input = document.createElement('input');
  Object.assign(input, { type: 'range', min: 0, max: 1, step: 0.01, value: 0, id: `unit-${name}` });
  const value = text('output', '0');
  input.addEventListener('input', () => {
    if (state.time !== null) leaveSequence();
    head.set[name] = Number(input.value);
    value.textContent = label(input.value);
    changed();
  });
  row.append(text('span', words(name)), input, value);
  return row;
}

function words(name) {
  if (name === 'neutral') return 'Neutral face';
  const spaced = name.replace(/([A-Z])/g, ' $1').toLowerCase();
  return spaced[0].toUpperCase() + spaced.slice(1);
}

const label = (value) => Number(value).toFixed(2).replace(/\.?0+$/, '');

function readUnits(values) {
  for (const [name, value] of Object.entries(values)) {
    const input = find(`unit-${name}`);
    if (!input) continue;
    input.value = value;
    input.nextElementSibling.textContent = label(value);
  }
}

function resetUnits() {
  const { head } = state;
  if (state.time !== null) leaveSequence();
  for (const name of head.units) head.set[name] = 0;
  readUnits(head.set);
  changed();
}

/** From here on the sliders have the face as the sequence left it. */
function leaveSequence() {
  stop();
  Object.assign(state.head.set, state.head.values());
  state.time = null;
}

// --- strength, wipe, map ---

function setStrength(value) {
  find('strength').value = value;
  find('strength-value').textContent = `${Math.round(100 * value)} %`;
  changed();
}

function setWipe(on) {
  state.wipe = on && state.head.editable;
  find('wipe').setAttribute('aria-pressed', String(state.wipe));
  find('divider').hidden = !state.wipe;
  find('sides').hidden = !state.wipe;
  moveWipe(state.at);
}

function moveWipe(at) {
  state.at = Math.min(0.98, Math.max(0.02, at));
  find('divider').style.left = `${100 * state.at}%`;
  find('divider').setAttribute('aria-valuenow', String(Math.round(100 * state.at)));
  changed();
}

function changed() {
  stage.invalidate();
  if (!find('map').hidden && state.head) state.head.drawMap(find('map'), Number(find('strength').value));
}

function setMap(on) {
  find('map').hidden = !on;
  find('show-map').setAttribute('aria-pressed', String(on));
  changed();
}

// --- sequence ---

function play() {
  if (!state.head?.clip) return;
  state.playing = true;
  state.last = 0;
  state.time = state.time ?? 0;
  find('play').textContent = 'Pause';
  requestAnimationFrame(tick);
}

function stop() {
  state.playing = false;
  find('play').textContent = 'Play';
}

function tick(now) {
  if (!state.playing) return;
  const passed = state.last ? Math.min(0.1, (now - state.last) / 1000) : 0;
  state.last = now;
  setTime((state.time + passed) % state.head.duration);
  requestAnimationFrame(tick);
}

function setTime(time) {
  state.time = time;
  find('frame').value = time;
  find('frame-value').textContent = `${time.toFixed(2)} s`;
  state.head.pose(Number(find('strength').value), time);
  readUnits(state.head.values());
  changed();
}

// --- keys and buttons ---

function listen() {
  find('strength').addEventListener('input', (event) => setStrength(Number(event.target.value)));
  find('wipe').addEventListener('click', () => setWipe(!state.wipe));
  find('play').addEventListener('click', () => (state.playing ? stop() : play()));
  find('frame').addEventListener('input', (event) => { stop(); setTime(Number(event.target.value)); });
  find('show-map').addEventListener('click', () => setMap(find('map').hidden));
  find('reset').addEventListener('click', resetUnits);
  find('front').addEventListener('click', () => stage.front());
  find('shot').addEventListener('click', screenshot);
  find('view').addEventListener('keydown', (event) => {
    if (!/^Arrow|^[+=-]$/.test(event.key)) return;
    event.preventDefault();
    stage.steer(event.key);
  });
  document.addEventListener('keydown', shortcut);
  dragDivider(find('divider'));
}

function shortcut(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const button = { p: 'play', w: 'wipe', u: 'show-map', r: 'reset', f: 'front', s: 'shot' }[event.key];
  if (!button || find(button).closest('[hidden]')) return;
  event.preventDefault();
  find(button).click();
}

function dragDivider(divider) {
  const place = (event) => {
    const area = divider.parentElement.getBoundingClientRect();
    moveWipe((event.clientX - area.left) / area.width);
  };
  divider.addEventListener('pointerdown', (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener('pointermove', (event) => { if (divider.hasPointerCapture(event.pointerId)) place(event); });
  divider.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveWipe(state.at + step);
  });
}

function screenshot() {
  stage.draw();
  find('view').toBlob((blob) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `${state.name.replace(/[^\w-]+/g, '-')}.png`;
    link.click();
    URL.revokeObjectURL(link.href);
    say(`Saved ${link.download}.`);
  });
}

function say(message) { find('status').textContent = message; }

function fail(error) {
  document.body.dataset.state = 'failed';
  say(`This head could not be shown: ${error.message}`);
}
