// A photo on this page: what is being done with it, and what became of it.

import type { Answer, Category, ClassifierError, Step } from "../../../clients/typescript/src/browser.js";

/** A step that has ended; `together` is with how many photos it was done in one call. `model` and `service` are the
 * part of an upload in which the service worked, with asking a model and without. */
export interface DoneStep {
  name: "hash" | "check" | "shrink" | "upload" | "model" | "service" | "wait";
  ms: number;
  together?: number;
}

/** `waiting` has not begun, or waits for the connection. */
export type State = "waiting" | "running" | "done" | "failed";

/** What the user says of an answer, and whether the service has taken it. */
export interface Feedback {
  isOpen: boolean;
  said?: Category;
  failure?: string;
}

/** One photo. */
export interface Photo {
  readonly id: number;
  readonly file: File;
  state: State;
  /** When it was asked for, in numbers that count up: those of one folder have the same. */
  turn: number;
  steps: DoneStep[];
  /** What is being done at the moment. */
  current: Step["name"] | undefined;
  /** Why and how long it waits for the next try. */
  wait: { ms: number; error: ClassifierError } | undefined;
  /** How often its connection was lost, one after the other. */
  losses: number;
  uploadedBytes: number;
  answer: Answer | undefined;
  error: ClassifierError | undefined;
  feedback: Feedback;
}

let lastId = 0;

export function newPhoto(file: File): Photo {
  return { id: ++lastId, file, ...untouched(), turn: 0, losses: 0, answer: undefined, feedback: { isOpen: false } };
}

/** What is true of a photo with which nothing has been done yet, or is to be done again. */
export function untouched(): Pick<Photo, "state" | "steps" | "current" | "wait" | "uploadedBytes" | "error"> {
  return { state: "waiting", steps: [], current: undefined, wait: undefined, uploadedBytes: 0, error: undefined };
}

/** How an answer came about, for people. */
export type Origin =
  | "bytes"
  | "content"
  | "question"
  | "near"
  | "copy"
  | "yours"
  | "known"
  | "model"
  | "network"
  | "makeshift";

const NETWORK = "local-network";

/** How the photo's answer came about; it has one. */
export function originOf(photo: Photo): Origin {
  const answer = photo.answer!;
  if (answer.isCorrected) return "yours";
  if (isKnownCopy(photo)) return "copy";
  if (answer.matchedBy) return answer.matchedBy;
  if (answer.fromCache) return "known";
  if (answer.isDegraded) return "makeshift";
  return answer.modelUsed === NETWORK ? "network" : "model";
}

/** Whether not the file was known but the smaller copy that was made to be sent. */
export function isKnownCopy({ answer, steps }: Photo): boolean {
  return answer?.uploaded === "nothing" && steps.some(({ name }) => name === "shrink");
}

/** Whether nobody was asked. */
export function isSaved(answer: Answer): boolean {
  return answer.fromCache || answer.matchedBy !== null;
}

/** How long it took, all steps together. */
export function totalMs(photo: Photo): number {
  return photo.steps.reduce((sum, step) => sum + step.ms, 0);
}
