// The page `/`: try it, and see what it saves.

import { byId } from "../shared/dom.js";
import { addHeader } from "../shared/header.js";

addHeader(byId("header"), "try");
