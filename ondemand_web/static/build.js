// SPDX-License-Identifier: MIT
// Follows one build: its state each two seconds, the chosen step's log by byte offset each second.
// Text enters the page as text only, never as markup.
"use strict";

const KEEP = 2 * 1024 * 1024;
const STATE_PAUSE = 2000;
const LOG_PAUSE = 1000;
const TROUBLE_PAUSE = 5000;
const article = document.getElementById("build");
const api = "/api/v1/builds/" + article.dataset.build;
const trouble = document.getElementById("trouble");
const waiting = document.getElementById("waiting");
const progress = document.getElementById("progress");
const viewer = document.getElementById("viewer");

const wait = (time) => new Promise((done) => setTimeout(done, time));

/** Resolves when the page is in sight, so that a forgotten tab asks nothing. */
function inSight() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
}

async function ask(address, signal) {
  const limit = AbortSignal.timeout(20000);
  const either = signal && AbortSignal.any ? AbortSignal.any([signal, limit]) : signal || limit;
  const answer = await fetch(address, { signal: either, cache: "no-store" });
  if (!answer.ok) throw new Error("status " + answer.status);
  return answer;
}

function complain(reason) {
  trouble.textContent = reason ? "The service does not answer (" + reason + "); trying again." : "";
  trouble.hidden = !reason;
}

function span(kind, text) {
  const node = document.createElement("span");
  node.className = kind;
  node.textContent = text;
  return node;
}

function lasted(milliseconds) {
  const whole = Math.max(0, milliseconds) / 1000;
  return whole < 60 ? whole.toFixed(1) + " s" : Math.floor(whole / 60) + " min " + Math.floor(whole % 60) + " s";
}

function octets(size) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let place = 0;
  for (; size >= 1024 && place < 3; place++) size /= 1024;
  return size.toFixed(place ? 1 : 0) + " " + units[place];
}

function showSteps(attempt, now) {
  const table = document.querySelector('table.steps[data-attempt="' + attempt.number + '"]');
  if (!table) return;
  for (const step of attempt.steps) {
    const row = table.querySelector('tr[data-step="' + step.step + '"]');
    if (!row) continue;
    const cell = (name) => row.querySelector('[data-cell="' + name + '"]');
    const began = Date.parse(step.started_at);
    cell("state").replaceChildren(span("badge badge-" + step.state, step.state));
    cell("began").textContent = new Date(began).toISOString().slice(11, 19);
    cell("took").textContent = lasted((step.ended_at ? Date.parse(step.ended_at) : now) - began);
    if (step.log_size) {
      const link = document.createElement("a");
      link.href = "/builds/" + article.dataset.build + "/logs/" + attempt.number + "/" + step.step;
      link.textContent = "whole log";
      if (!cell("log").contains(document.activeElement))
        cell("log").replaceChildren(link, " ", span("faint", octets(step.log_size)));
    }
  }
}

class LogView {
  constructor(attempt) {
    this.attempt = attempt;
    this.pre = document.getElementById("log");
    this.note = document.getElementById("lognote");
    this.chosen = null;
    this.byHand = false;
    this.stop = null;
    for (const button of this.buttons())
      button.addEventListener("click", () => {
        this.byHand = true;
        this.choose(button.dataset.log);
      });
    viewer.hidden = false;
  }

  buttons() {
    return viewer.querySelectorAll("button[data-log]");
  }

  /** Takes the newest steps; follows the one that runs or failed until somebody chooses another. */
  know(steps) {
    this.sizes = new Map(steps.map((step) => [step.step, step.log_size]));
    for (const button of this.buttons()) button.disabled = !this.sizes.has(button.dataset.log);
    const last = steps[steps.length - 1];
    if (last && !this.byHand && last.step !== this.chosen) this.choose(last.step);
  }

  choose(step) {
    if (step === this.chosen) return;
    if (this.stop) this.stop.abort();
    this.stop = new AbortController();
    this.chosen = step;
    this.held = 0;
    this.pre.replaceChildren();
    for (const button of this.buttons()) button.setAttribute("aria-pressed", String(button.dataset.log === step));
    const whole = document.getElementById("whole");
    whole.href = "/builds/" + article.dataset.build + "/logs/" + this.attempt + "/" + step;
    this.follow(step, this.stop.signal);
  }

  async follow(step, signal) {
    let from = Math.max(0, (this.sizes.get(step) || 0) - KEEP);
    this.cut = from > 0;
    const decoder = new TextDecoder();
    while (!signal.aborted) {
      let pause = LOG_PAUSE;
      try {
        await inSight();
        const address = api + "/log?step=" + step + "&attempt=" + this.attempt + "&from=" + from;
        const answer = await ask(address, signal);
        const piece = new Uint8Array(await answer.arrayBuffer());
        if (signal.aborted) return;
        from += piece.length;
        const size = Number(answer.headers.get("X-Log-Size"));
        const done = answer.headers.get("X-Log-Done") === "yes";
        this.append(decoder.decode(piece, { stream: true }));
        this.tell(from, size, done);
        if (from >= size && done) return;
        if (from < size && piece.length) pause = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.note.textContent = "The log can't be read now (" + error.message + "); trying again.";
        pause = TROUBLE_PAUSE;
      }
      await wait(pause);
    }
  }

  append(text) {
    if (!text) return;
    const pre = this.pre;
    const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 8;
    const clean = text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r\n?/g, "\n");
    const piece = document.createElement("span");
    piece.textContent = clean;
    pre.append(piece);
    this.held += clean.length;
    while (this.held > KEEP && pre.childNodes.length > 1) {
      this.held -= pre.firstChild.textContent.length;
      const before = pre.scrollHeight;
      pre.firstChild.remove();
      if (!atEnd) pre.scrollTop -= before - pre.scrollHeight;
      this.cut = true;
    }
    if (atEnd) pre.scrollTop = pre.scrollHeight;
  }

  tell(from, size, done) {
    if (!size) this.note.textContent = done ? "This step left no log." : "Nothing is in this log yet.";
    else if (this.cut) this.note.textContent = "Only the end is shown here, of " + octets(size) + "; see the whole log.";
    else this.note.textContent = octets(from) + " of " + octets(size) + (done ? ", complete." : ", following.");
  }
}

function changed(record) {
  const attempt = record.attempts[record.attempts.length - 1];
  const running = attempt && !attempt.ended_at ? "yes" : "no";
  return (
    record.state !== article.dataset.state ||
    String(record.attempts.length) !== article.dataset.attempts ||
    running !== article.dataset.running
  );
}

/** What a build waits for changes all the time: told in its place, and not aloud. */
function showWaiting(record) {
  waiting.hidden = !record.waiting;
  const text = record.waiting ? "Waiting: " + record.waiting : "";
  if (waiting.textContent !== text) waiting.textContent = text;
}

/** How far it is, as the builder said with its last beat: told in its place, and not aloud. */
function showProgress(record) {
  const going = record.progress;
  progress.hidden = !going;
  if (!going) return;
  const bar = progress.querySelector("progress");
  if (going.fraction === null) bar.removeAttribute("value");
  else bar.value = going.fraction;
  let text = "Step " + going.step + (going.text ? ": " + going.text : "");
  if (going.remaining !== null) text += "; about " + about(going.remaining) + " left";
  const line = progress.querySelector("span");
  if (line.textContent !== text) line.textContent = text;
}

function about(seconds) {
  return seconds < 90 ? Math.max(5, Math.round(seconds / 5) * 5) + " s" : Math.round(seconds / 60) + " min";
}

function announce(record) {
  document.getElementById("badge").replaceChildren(span("badge badge-" + record.state, record.state));
  const now = document.getElementById("now");
  const attempt = record.attempts[record.attempts.length - 1];
  const step = attempt && attempt.steps[attempt.steps.length - 1];
  if (record.state !== "building" || !step) return;
  const text = "Step " + step.step + " is " + step.state + " on builder " + attempt.builder + ".";
  if (now.textContent !== text) now.textContent = text;
}

async function followState(log) {
  for (;;) {
    let pause = STATE_PAUSE;
    try {
      await inSight();
      const answer = await ask(api);
      const record = await answer.json();
      const now = Date.parse(answer.headers.get("Date")) || Date.now();
      complain("");
      const attempt = record.attempts[record.attempts.length - 1];
      if (changed(record)) {
        announce(record);
        await wait(1000); // time for a screen reader to say the new state
        location.reload();
        return;
      }
      showWaiting(record);
      showProgress(record);
      if (attempt) {
        showSteps(attempt, now);
        if (log) log.know(attempt.steps);
      }
      if (article.dataset.live === "no") return;
      if (record.state === "building") announce(record);
    } catch (error) {
      complain(error.message);
      pause = TROUBLE_PAUSE;
    }
    await wait(pause);
  }
}

followState(viewer ? new LogView(Number(viewer.dataset.attempt)) : null);
