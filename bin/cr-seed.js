#!/usr/bin/env node
import { launch } from './launch.js'

await launch(['cr-seed', ...process.argv.slice(2)])
