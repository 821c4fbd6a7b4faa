// How an app asks about a photo, in four languages, filled in with what has just happened.

import { SERVICE } from "../shared/api.js";
import { isKnownCopy, isSaved, type Photo } from "./photo.js";

export const LANGUAGES = ["curl", "TypeScript", "Dart", "Python"] as const;

export type SnippetLanguage = (typeof LANGUAGES)[number];

/** What stands in an example. */
interface Filling {
  name: string;
  user: string;
  hasKey: boolean;
  question: string;
  /** In a comment: what came of it. Empty before there is a photo. */
  said: string;
  isKnown: boolean;
  /** In a comment: what became of the smaller copy that this page made. Empty where there was none. */
  copied: string;
}

/** Returns the example. Without a photo it is about any. */
export function snippet(language: SnippetLanguage, photo: Photo | undefined, user: string, hasKey: boolean): string {
  const { answer } = photo ?? {};
  const hashes = answer?.hashes;
  const question = {
    image_hash: hashes?.imageHash ?? "",
    ...(hashes?.contentHash && { content_hash: hashes.contentHash }),
  };
  return WRITERS[language]({
    name: photo?.file.name ?? "photo.jpg",
    user,
    hasKey,
    question: hashes ? JSON.stringify(question).replace(",", ",\n      ") : "",
    said: answer ? `${answer.category}, ${answer.confidence.toFixed(2)}` : "",
    isKnown: answer !== undefined && isSaved(answer) && answer.uploaded === "nothing" && !isKnownCopy(photo!),
    copied: copied(photo),
  });
}

function copied(photo: Photo | undefined): string {
  if (photo && isKnownCopy(photo)) return "; this page made a smaller copy, and that was known";
  return photo?.answer?.uploaded === "copy" ? "; this page sent a smaller copy in its place" : "";
}

const WRITERS: Record<SnippetLanguage, (filling: Filling) => string> = {
  curl: ({ name, user, hasKey, question, said, isKnown, copied }) => {
    const head = `\\\n  -H 'X-User-ID: ${user}'${hasKey ? ' \\\n  -H "X-API-Key: $KEY"' : ""}`;
    const json = question ? `'${question}'` : `"{\\"image_hash\\": \\"$(sha256sum ${shell(name)} | cut -c1-64)\\"}"`;
    const ask = `API=${SERVICE}/api/v1\ncurl $API/classify/check-cache ${head} \\\n  -d ${json}\n`;
    if (isKnown) return `${ask}# "cached": true: ${said}`;
    const upload = `# "cached": false: upload it${copied}\ncurl $API/classify ${head} \\\n  -F image=@${shell(name)}`;
    return `${ask}${upload}${said && `\n# ${said}`}`;
  },
  TypeScript: ({ name, user, hasKey, said }) =>
    lines(
      `import { createClassifier } from "image-classifier-client";`,
      ``,
      `const classifier = createClassifier({`,
      `  url: ${quoted(SERVICE)},`,
      `  userId: ${quoted(user)},`,
      hasKey && `  apiKey: process.env.CLASSIFIER_API_KEY,`,
      `});`,
      `const answer = await classifier.classify(${quoted(name)});`,
      said && `// ${said}`,
    ),
  Dart: ({ name, user, hasKey, said }) =>
    lines(
      `import 'dart:io';`,
      `import 'package:photo_classifier/photo_classifier.dart';`,
      ``,
      `final classifier = Classifier(Options(`,
      `  Uri.parse(${dart(SERVICE)}),`,
      `  userId: ${dart(user)},`,
      hasKey && `  apiKey: Platform.environment['CLASSIFIER_API_KEY'],`,
      `));`,
      `final answer = await classifier.classify(`,
      `  await File(${dart(name)}).readAsBytes(),`,
      `);`,
      said && `// ${said}`,
    ),
  Python: ({ name, user, hasKey, said }) =>
    lines(
      hasKey && `import os`,
      hasKey && ``,
      `from photo_classifier import Classifier, Options`,
      ``,
      `options = Options(`,
      `    ${quoted(SERVICE)},`,
      `    user_id=${quoted(user)},`,
      hasKey && `    api_key=os.environ["CLASSIFIER_API_KEY"],`,
      `)`,
      `with Classifier(options) as client:`,
      `    answer = client.classify(${quoted(name)})`,
      said && `    # ${said}`,
    ),
};

function lines(...all: (string | false)[]): string {
  return all.filter((line, place) => line !== false && (line !== "" || place < all.length - 1)).join("\n");
}

function shell(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function dart(text: string): string {
  return `'${text.replaceAll(/['\\$]/g, "\\$&")}'`;
}
