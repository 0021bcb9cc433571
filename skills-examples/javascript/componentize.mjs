// Usage: node componentize.mjs SOURCE WIT COMPONENT. Builds a skill from a JavaScript module.

import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const [sourcePath, witPath, to] = process.argv.slice(2);
// Skills do not use these features, so the component does not import them.
const disableFeatures = ["stdio", "random", "clocks", "fetch-event"];
const { component } = await componentize({ sourcePath, witPath, worldName: "skill", disableFeatures });
await writeFile(to, component);
