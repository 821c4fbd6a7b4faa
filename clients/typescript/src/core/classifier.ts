// The class that apps use: one photo, or many.

import { Calls } from "./calls.js";
import { Flow } from "./flow.js";
import { runMany } from "./many.js";
import type { Answer, CallOptions, ManyOptions, Options, Outcome } from "./options.js";
import type { Platform } from "./platform.js";
import { Budget, withinTime } from "./timing.js";

const CHECK_MANY_TIMEOUT_MS = 10_000;

/** Classifies photos. `createClassifier` makes one. */
export class Classifier<Photo> {
  private readonly calls: Calls<Photo>;

  constructor(
    private readonly platform: Platform<Photo>,
    private readonly options: Options<Photo>,
  ) {
    this.calls = new Calls(platform, options);
  }

  /** Returns what the photo shows. Throws `ClassifierError`. */
  async classify(photo: Photo, options: CallOptions<Photo> = {}): Promise<Answer> {
    return this.flow(photo, options).classify();
  }

  /** Classifies many photos, some at a time. Never throws: each has an answer or an error, in the order given. */
  async classifyMany(photos: readonly Photo[], options: ManyOptions<Photo> = {}): Promise<Outcome<Photo>[]> {
    return runMany(photos, options, {
      hash: (photo) => this.flow(photo, options).hash(),
      check: (many) =>
        withinTime(CHECK_MANY_TIMEOUT_MS, options.signal, (signal) =>
          this.calls.checkMany(many, new Budget(CHECK_MANY_TIMEOUT_MS, signal)),
        ),
      classify: (photo, known) => this.flow(photo, options).classify(known),
    });
  }

  private flow(photo: Photo, options: CallOptions<Photo>): Flow<Photo> {
    return new Flow(this.platform, this.calls, { ...this.options, ...options }, photo);
  }
}
