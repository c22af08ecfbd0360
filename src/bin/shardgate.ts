#!/usr/bin/env node
// The `shardgate` executable.

import { shardgateCommand } from "./program.ts";

const program = await shardgateCommand(process.argv[2]);
await program.parseAsync();
