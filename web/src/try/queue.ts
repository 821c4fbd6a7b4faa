// The photos of the page, some at a time through the client. Goes on by itself when the connection is back.

import {
  type ClassifierError,
  createClassifier,
  type Outcome,
  type Step,
} from "../../../clients/typescript/src/browser.js";
import { apiKey, SERVICE } from "../shared/api.js";
import { needsKey } from "./causes.js";
import { answers, untilBack } from "./connection.js";
import { askedTogether, measuredFetch, takeServiceMs } from "./measured_fetch.js";
import { type DoneStep, isSaved, newPhoto, type Photo, untouched } from "./photo.js";
import { userId } from "./user.js";

export const MOST_PHOTOS = 2_000;

const PHOTOS_A_SLICE = 50; // as many as the client asks about in one call
const MOST_LOSSES = 3;
const RETRIES = 4; // then the page says that it waits, and looks for the connection itself

/** What the page is told. */
export interface Listener {
  changed(photo: Photo): void;
  /** The queue began, ended, lost the connection or has it again. */
  stateChanged(): void;
}

/** All photos of the page. */
export class Queue {
  readonly photos: Photo[] = [];
  isRunning = false;
  isOffline = false;

  private lastTurn = 0;
  private readonly byFile = new Map<Blob, Photo>();
  private controller = new AbortController();
  private readonly classifier = createClassifier({
    url: SERVICE,
    userId,
    headers: (): Record<string, string> => (apiKey() === undefined ? {} : { "X-API-Key": apiKey()! }),
    fetch: measuredFetch,
    maxRetries: RETRIES,
  });

  constructor(private readonly listener: Listener) {
    addEventListener("offline", () => void this.lookAround());
  }

  /** Takes files, as many as there is room for. Returns those that are taken. */
  add(files: File[]): Photo[] {
    const taken = files.slice(0, MOST_PHOTOS - this.photos.length).map(newPhoto);
    const turn = ++this.lastTurn;
    for (const photo of taken) {
      photo.turn = turn;
      this.photos.push(photo);
      this.byFile.set(photo.file, photo);
    }
    void this.run();
    return taken;
  }

  /** Does these once more. */
  again(photos: Photo[]): void {
    const turn = ++this.lastTurn;
    for (const photo of photos) {
      Object.assign(photo, untouched(), { losses: 0, turn });
      this.listener.changed(photo);
    }
    void this.run();
  }

  get failures(): Photo[] {
    return this.photos.filter((photo) => photo.state === "failed");
  }

  /** What was asked for last comes first: one more photo, or one again, does not wait for a whole folder. */
  private get waiting(): Photo[] {
    return this.photos.filter(({ state }) => state === "waiting").sort((one, other) => other.turn - one.turn);
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    this.listener.stateChanged();
    while (this.waiting.length > 0) {
      if (this.isOffline) await this.untilBack();
      const slice = this.waiting.slice(0, PHOTOS_A_SLICE);
      await this.classify(slice.map(({ file }) => file));
      const refused = slice.find(({ error }) => error && needsKey(error))?.error;
      if (refused) this.failWaiting(refused);
    }
    this.isRunning = false;
    this.listener.stateChanged();
  }

  /** Without a key all others would be refused, too. */
  private failWaiting(error: ClassifierError): void {
    for (const photo of this.waiting) {
      this.fail(photo, error);
      this.listener.changed(photo);
    }
  }

  private async classify(files: File[]): Promise<void> {
    this.controller = new AbortController();
    const open = new Set<Blob>(files); // what was given up goes on telling its steps for a while
    await this.classifier.classifyMany(files, {
      signal: this.controller.signal,
      onStep: (step, file) => open.has(file) && this.step(step, file),
      onProgress: ({ latest }) => {
        open.delete(latest.photo);
        this.end(latest);
      },
    });
  }

  /** Ends what is under way: it waits for the connection, and nothing is lost. */
  private pause(): void {
    if (!this.isRunning || this.isOffline) return;
    this.isOffline = true;
    this.controller.abort();
    this.listener.stateChanged();
  }

  /** A connection was lost: the service is away, or it was this one alone, which the client sees to. */
  private async lookAround(): Promise<void> {
    if (this.isRunning && !(await answers())) this.pause();
  }

  private async untilBack(): Promise<void> {
    await untilBack();
    this.isOffline = false;
    this.listener.stateChanged();
  }

  private step({ name, state, ms, bytes, error }: Step, file: Blob): void {
    const photo = this.byFile.get(file);
    if (!photo) return;
    if (photo.state === "waiting") photo.state = "running";
    photo.current = state === "started" ? name : undefined;
    photo.wait = photo.current === "wait" && error ? { ms, error } : undefined;
    if (photo.wait?.error.code === "network_error") void this.lookAround();
    if (state === "ended") {
      photo.steps.push({ name, ms });
      if (name === "upload" && !error) photo.uploadedBytes = bytes ?? 0;
    }
    this.listener.changed(photo);
  }

  private end({ photo: file, answer, error }: Outcome<Blob>): void {
    const photo = this.byFile.get(file);
    if (!photo) return;
    photo.current = undefined;
    if (error) this.fail(photo, error);
    else {
      photo.state = "done";
      photo.answer = answer;
      photo.losses = 0;
      photo.steps = told(photo, takeServiceMs(answer.requestId));
    }
    this.listener.changed(photo);
  }

  private fail(photo: Photo, error: ClassifierError): void {
    const isLost = error.code === "network_error" && photo.losses < MOST_LOSSES;
    if (isLost || error.code === "aborted") {
      if (isLost) photo.losses++;
      Object.assign(photo, untouched());
      this.pause();
      return;
    }
    photo.state = "failed";
    photo.error = error;
  }
}

/** The steps as they are shown: the part of an upload in which the service worked is apart from the way there. */
function told(photo: Photo, serviceMs: number | undefined): DoneStep[] {
  const steps = [...photo.steps];
  if (!steps.some(({ name }) => name === "check") && photo.answer?.hashes) {
    const { ms, photos } = askedTogether();
    const place = steps.findIndex(({ name }) => name !== "hash");
    steps.splice(place < 0 ? steps.length : place, 0, { name: "check", ms: Math.round(ms), together: photos });
  }
  const upload = steps.map(({ name }) => name).lastIndexOf("upload");
  if (upload < 0 || serviceMs === undefined) return steps;
  const ms = Math.min(serviceMs, steps[upload]!.ms);
  const name = isSaved(photo.answer!) ? "service" : "model";
  steps.splice(upload, 1, { name: "upload", ms: steps[upload]!.ms - ms }, { name, ms });
  return steps;
}
