// The page `/dashboard`: what the service does, and what it saves.
import { byId } from "../shared/dom.js";
import { addHeader } from "../shared/header.js";
import { Page } from "./page.js";

addHeader(byId("header"), "dashboard");
void new Page(byId("main")).open();
