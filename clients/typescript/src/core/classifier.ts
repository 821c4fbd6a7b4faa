// The class that apps use: one photo, or many.

import { Calls } from "./calls.js";
import { Flow } from "./flow.js";
import { runMany } from "./many.js";
import type { Answer, CallOptions, ManyOptions, Options, Outcome } from "./options.js";
import type { Platform } from "./platform.js";
import { Budget, withinTime } from "./timing.js";

const CHECK_MANY_TIMEOUT_MS = 15_000;
const USER_ID = /^[A-Za-z0-9._:@-]{1,64}$/;
const PRINTABLE = /^[\x20-\x7e]+$/;

/** Classifies photos. `createClassifier` makes one. */
export class Classifier<Photo> {
  private readonly calls: Calls<Photo>;

  constructor(
    private readonly platform: Platform<Photo>,
    private readonly options: Options<Photo>,
  ) {
    checkOptions(options);
    this.calls = new Calls(platform, options);
  }

  /** Returns what the photo shows. Throws `ClassifierError`. */
  async classify(photo: Photo, options: CallOptions<Photo> = {}): Promise<Answer> {
    return this.flow(photo, options).classify();
  }

  /** Classifies many photos, some at a time. Never throws: each has an answer or an error, in the order given. */
  async classifyMany(photos: readonly Photo[], options: ManyOptions<Photo> = {}): Promise<Outcome<Photo>[]> {
    return runMany(photos, options, {
      hash: (photo) => this.flow(photo, options).names(),
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

/** What could not be sent would look like a lost connection. Throws `TypeError`. */
function checkOptions({ url, userId, apiKey }: Pick<Options<unknown>, "url" | "userId" | "apiKey">): void {
  if (!/^(https?:\/\/|\/|$)/i.test(url)) throw new TypeError('url must begin with http:// or https://, or be ""');
  if (userId && !USER_ID.test(userId)) throw new TypeError("userId must be 1 to 64 characters from A-Z a-z 0-9 . _ : @ -");
  if (apiKey && !PRINTABLE.test(apiKey)) throw new TypeError("apiKey must be printable ASCII");
}
