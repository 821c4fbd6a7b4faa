// What every entry of the package hands out.

export type { Category, MatchedBy } from "./api.js";
export { Classifier } from "./classifier.js";
export { ClassifierError, type ErrorCode } from "./errors.js";
export type { Answer, CallOptions, ManyOptions, Options, Outcome, Progress, Step } from "./options.js";
export { contentHash, type Hashes } from "../hash/content-hash.js";
