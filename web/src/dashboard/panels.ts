// All panels, in the order in which they are read.
import type { Part } from "./panel.js";
import { audit } from "./panels/audit.js";
import { budget } from "./panels/budget.js";
import { categories } from "./panels/categories.js";
import { cost } from "./panels/cost.js";
import { feedback } from "./panels/feedback.js";
import { figures } from "./panels/figures.js";
import { health } from "./panels/health.js";
import { identity } from "./panels/identity.js";
import { live } from "./panels/live.js";
import { models } from "./panels/models.js";
import { images, users } from "./panels/ranks.js";
import { tokens } from "./panels/tokens.js";

/** `categoryKeys` says which categories an operator may choose; `onDecision` is called when one has decided. */
export function allPanels(categoryKeys: () => string[], onDecision: () => void): Part[] {
  return [
    figures(),
    live(),
    identity(),
    cost(),
    categories(),
    models(),
    tokens(),
    health(),
    budget(),
    users(),
    images(),
    feedback(categoryKeys, onDecision),
    audit(),
  ];
}
