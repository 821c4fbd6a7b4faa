// What a photo cost and what it did not, in words. Money is left out where none is asked for.

import * as format from "../shared/format.js";
import { costPerCall, service } from "./about.js";
import { isSaved, originOf, type Photo } from "./photo.js";
import { texts } from "./strings.js";

/** What some calls of a model cost; empty where they cost nothing. */
export function priceOf(calls: number): string {
  const amount = calls * costPerCall();
  return amount > 0 ? format.money(amount, service()!.currency) : "";
}

/** The bytes that stayed here. */
export function savedBytes({ answer, file }: Photo): number {
  return answer?.uploaded === "nothing" ? file.size : 0;
}

/** What one photo has cost or spared. */
export function costSentence(photo: Photo): string {
  const { answer } = photo;
  if (!answer) return "";
  if (!isSaved(answer)) {
    const isPaid = originOf(photo) === "model"; // the small network costs nothing
    return texts().spent(format.bytes(photo.uploadedBytes), isPaid ? priceOf(1) : "");
  }
  const bytes = savedBytes(photo);
  const spared = [bytes > 0 ? format.bytes(bytes) : "", priceOf(1)].filter(Boolean);
  if (spared.length === 0) return "";
  return priceOf(1) === "" ? texts().savedBytes(format.bytes(bytes)) : texts().saved(spared);
}
