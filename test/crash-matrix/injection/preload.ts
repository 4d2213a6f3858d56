/**
 * Loaded into a master or store with `node --import`: replaces the modules that persist and report by ones that pass
 * breakpoints around the real ones. The programs themselves know nothing of it.
 */
import { register } from "node:module";
import { listenForBreakpoints } from "./breakpoint.js";

register("./module-hook.js", import.meta.url);
listenForBreakpoints();
