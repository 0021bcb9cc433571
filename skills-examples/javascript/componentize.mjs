// node componentize.mjs SOURCE WIT COMPONENT: makes a skill of a JavaScript module.

import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const [sourcePath, witPath, to] = process.argv.slice(2);
// What a skill has no use for, it does not import.
const disableFeatures = ["stdio", "random", "clocks", "fetch-event"];
const { component } = await componentize({ sourcePath, witPath, worldName: "skill", disableFeatures });
await writeFile(to, component);
