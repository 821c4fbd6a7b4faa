// What the page `/` says.

import { dictionary } from "../shared/i18n.js";
import { RECOGNISED } from "../shared/recognised.js";
import type { Step } from "../../../clients/typescript/src/browser.js";
import type { Origin } from "./photo.js";
import { zh } from "./strings_zh.js";

const en = {
  title: "Which of eight kinds is this photo?",
  lead: "Your browser asks with a fingerprint first. A photo that anybody has asked about before is not uploaded again, and not paid for again.",
  network: "No model is configured: a small network inside this service answers. It is right on about 9 of 10 photos.",
  drop: "Drop photos or a folder here, or paste",
  touch: "Choose photos, or take one",
  accepted: (formats: string, size: string) => `${formats}, up to ${size} each. They are not stored.`,
  choose: "Choose photos",
  take: "Take a photo",
  empty:
    "Each photo gets a line here: what it shows, every step with its time, and what was not uploaded or paid. Drop one, then the same one again.",
  leftOut: (count: string) =>
    count === "1" ? "1 file that is no photo was left out." : `${count} files that are no photos were left out.`,
  tooMany: (limit: string) =>
    `The page takes ${limit} photos. Load it anew for the rest: what is done is known, and costs nothing.`,
  doneOf: (done: string, total: string) => `${done} of ${total} done`,
  known: (count: string) => `${count} known`,
  asked: (count: string) => `${count} asked`,
  failed: (count: string) => `${count} failed`,
  sentence: (parts: string[]) => (parts.length > 0 ? `${parts.join(", ")}.` : ""),
  between: " ",
  notUploaded: (size: string) => `${size} not uploaded.`,
  notSpent: (spared: string[]) => `${spared.join(" and ")} not spent.`,
  progress: "Photos done",
  leave: "If you leave, what is done is kept: drop the same folder again, and it continues for free.",
  offline: (count: string) =>
    count === "1"
      ? "There is no connection to the service. 1 photo waits, and goes on by itself when it is back."
      : `There is no connection to the service. ${count} photos wait, and go on by themselves when it is back.`,
  steps: {
    hash: "hash",
    check: "check",
    shrink: "shrink",
    upload: "upload",
    model: "model",
    service: "service",
    network: "network",
    wait: "wait",
  },
  together: (count: string) => ` (${count} photos)`,
  now: {
    hash: "Making the fingerprint",
    check: "Asking whether it is known",
    shrink: "Making a smaller copy",
    upload: "Uploading, and waiting for the answer",
    wait: "Waiting before the next try",
  } satisfies Record<Step["name"], string>,
  nextTry: (time: string) => `The next try is in ${time}.`,
  waiting: "Waiting for its turn",
  origin: {
    ...RECOGNISED.en,
    copy: "Same smaller copy",
    yours: "Your correction",
    known: "Known",
    network: "Asked the small network",
    makeshift: "No model could be asked",
  } satisfies Record<Origin, string>,
  why: {
    bytes: "Exactly this file was asked about before, so its fingerprint was enough.",
    content:
      "The picture in this file was asked about before; only what is written beside it, such as date and place, differs.",
    question: "Decoded, it is a picture that was asked about before, in another file.",
    near: "It looks like a photo that was asked about before: a smaller or re-encoded copy, as messengers make them. Such a match tells the category, and no description.",
    copy: "Of a large photo a smaller copy is sent, and exactly this copy was asked about before.",
    yours: "You have said what this photo shows. Only you get this answer.",
    known: "It was known when it arrived.",
    model: "Nobody had asked about this photo. From now on it is known.",
    network: "Nobody had asked about this photo, and the small network inside the service looked at it.",
    makeshift: "The models could not be asked, and the small network inside the service answered. Ask again later.",
  } satisfies Record<Origin, string>,
  spent: (size: string, money: string) => (money ? `${size} uploaded, ${money}` : `${size} uploaded`),
  saved: (spared: string[]) => `${spared.join(", ")} not spent`,
  savedBytes: (size: string) => `${size} not uploaded`,
  failedBadge: "Failed",
  again: "Try again",
  againAll: "Try all again",
  failures: (count: string) => (count === "1" ? "1 photo failed" : `${count} photos failed`),
  confidence: (value: string) => `confidence ${value}`,
  photos: "Photos",
  show: "Show the call",
  wrong: "This is wrong",
  whatIsIt: "What does it show?",
  cancel: "Cancel",
  youSaid: (category: string) =>
    `You say: ${category}. From now on you get this answer; others do when an operator agrees.`,
  savings: "What the fingerprint saved you",
  savingsEmpty: "Nothing yet. Add the same photo once more to see it.",
  ofAll: (count: string, total: string) => `${count} of ${total}`,
  fromCache: "Answered from the cache",
  timeKnown: "Time to the answer, cached",
  timeAsked: "Time to the answer, asked",
  app: "How does my app do this?",
  appNone: "The call for the last photo will be here, with its name and its fingerprint.",
  appOf: (name: string) => `The call for ${name}.`,
  languages: "Language of the example",
  copy: "Copy",
  copied: "Copied",
  keyNeeded: "This service answers those who have a key.",
  keyWrong: "The service does not know this key.",
  key: "Key",
  useKey: "Use it",
  keyKept: "It stays in this tab's memory, and is sent to this service alone.",
};

export type Texts = typeof en;

export const texts = dictionary<Texts>({ en, zh });
