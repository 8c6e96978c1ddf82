#!/usr/bin/env node
// The name that the original's tool has, less its prefix: the same as `understudy cr-seed`.
import { launch } from './launch.js'

await launch(['cr-seed', ...process.argv.slice(2)])
