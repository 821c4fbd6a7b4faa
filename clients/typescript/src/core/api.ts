// The service's own types, by the names that this package uses. `schema.d.ts` is generated from its OpenAPI page.

import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type Category = Schemas["Category"];
export type MatchedBy = Schemas["MatchedBy"];
export type ServiceErrorCode = Schemas["ErrorCode"];
export type CheckCacheRequest = Schemas["CheckCacheRequest"];
export type CheckCacheResponse = Schemas["CheckCacheResponse"];
export type ClassifyResponse = Schemas["ClassifyResponse"];
export type ErrorResponse = Schemas["ErrorResponse"];
