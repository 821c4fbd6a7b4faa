// Classifies photos in Node, and prints each step and each outcome as a line of JSON.
// node node.mjs '{"options": {"url": "..."}, "photos": ["..."]}'
import { createClassifier } from "../../dist/esm/node.js";

const { options, photos } = JSON.parse(process.argv[2]);
const print = (line) => console.log(JSON.stringify(line));
const onStep = ({ error, ...step }) => print({ ...step, code: error?.code });
const classifier = createClassifier({ ...options, onStep });

for (const { answer, error } of await classifier.classifyMany(photos, { concurrency: 1 })) {
  print({ answer, code: error?.code });
}
