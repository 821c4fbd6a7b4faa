// The page `/`: try it, and see what it saves.

import { byId, fill, h } from "../shared/dom.js";
import { addHeader } from "../shared/header.js";
import { onLanguage } from "../shared/i18n.js";
import { askAbout, service } from "./about.js";
import { AppPanel } from "./app_panel.js";
import { needsKey } from "./causes.js";
import { untilDone } from "./connection.js";
import { DropZone } from "./drop_zone.js";
import { KeyForm } from "./key_form.js";
import type { Photo } from "./photo.js";
import { Queue } from "./queue.js";
import { Row } from "./row.js";
import { Savings } from "./savings.js";
import { texts } from "./strings.js";
import { Summary } from "./summary.js";

const rows = new Map<Photo, Row>();
const changed = new Set<Photo>();
let selected: Photo | undefined;
let isDrawingSoon = false;

const queue = new Queue({
  changed: (photo) => {
    changed.add(photo);
    drawSoon();
  },
  stateChanged: drawSoon,
});
const again = (photos: Photo[]): void => queue.again(photos);
const withoutKey = (): Photo[] => queue.failures.filter(({ error }) => needsKey(error!));

const intro = h("div", { class: "intro" });
const dropZone = new DropZone(add);
const keyForm = new KeyForm(() => again(withoutKey()));
const summary = new Summary(queue, again);
const list = h("ol", { class: "photos" });
const empty = h("p", { class: "soft empty" });
const savings = new Savings();
const appPanel = new AppPanel();

function add(files: File[]): number {
  const taken = queue.add(files);
  for (const photo of taken) {
    const row = new Row(photo, { again: (one) => again([one]), select });
    rows.set(photo, row);
    list.append(row.element);
  }
  drawSoon();
  return taken.length;
}

/** Shows how an app would have asked about this photo. */
function select(photo: Photo): void {
  selected = photo;
  appPanel.show(photo);
  appPanel.element.focus();
}

/** Draws what has changed with the next frame, however often it changes until then. */
function drawSoon(): void {
  if (isDrawingSoon) return;
  isDrawingSoon = true;
  // A hidden tab has no frames, and goes on working.
  const next = document.hidden ? setTimeout : requestAnimationFrame;
  next(() => {
    isDrawingSoon = false;
    drawChanged();
  });
}

function drawChanged(): void {
  for (const photo of changed) rows.get(photo)?.draw();
  const last = [...changed].reverse().find(({ state }) => state === "done");
  changed.clear();
  empty.hidden = queue.photos.length > 0;
  summary.draw();
  savings.draw(queue.photos);
  keyForm.show(!queue.isRunning && withoutKey().length > 0);
  if (selected) appPanel.draw();
  else if (last && !appPanel.element.contains(document.activeElement)) appPanel.show(last);
}

function drawAll(): void {
  const all = texts();
  document.title = all.title;
  fill(
    intro,
    h("h1", {}, all.title),
    h("p", { class: "soft" }, all.lead),
    service()?.answered_by === "embedded_network" && h("p", { class: "notice" }, all.network),
  );
  list.setAttribute("aria-label", all.photos);
  fill(empty, all.empty);
  dropZone.draw();
  keyForm.draw();
  appPanel.draw();
  for (const photo of queue.photos) changed.add(photo);
  drawChanged();
}

addHeader(byId("header"), "try");
fill(
  byId("main"),
  h("div", { class: "work" }, intro, dropZone.element, keyForm.element, summary.element, summary.live, list, empty),
  h("aside", { class: "beside" }, savings.element, appPanel.element),
);
drawAll();
onLanguage(drawAll);
addEventListener("beforeunload", (event) => {
  if (queue.isRunning) event.preventDefault();
});

await untilDone(askAbout);
drawAll();
