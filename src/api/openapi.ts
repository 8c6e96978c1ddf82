/** The OpenAPI document, made of the routes that are registered; schemas with a title become its components. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { cookieName } from './auth/session-cookie.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = { [key: string]: Json }

export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Understudy',
        version,
        description: 'Replication and disaster recovery for VMs of XCP-ng and XenServer. docs/api.md tells the conventions.',
        license: { name: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'an API token (`usy_…`)' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: cookieName(true),
            description: 'a browser session; changes need X-CSRF-Token too',
          },
        },
      },
    },
    // Only what is of the API; pages, health and this document itself are not.
    hideUntagged: true,
    transformObject: (document) =>
      'openapiObject' in document ? (withComponents(document.openapiObject as JsonObject) as never) : document.swaggerObject,
  })
}

/** Replaces each schema that has a title by a reference to a component of that name. Two schemas of one title have to be the same. */
export function withComponents(document: JsonObject): JsonObject {
  const components: JsonObject = {}
  const hoist = (value: Json, inSchema: boolean): Json => {
    if (Array.isArray(value)) return value.map((part) => hoist(part, inSchema))
    if (value === null || typeof value !== 'object') return value
    const isSchema = inSchema || 'type' in value || 'anyOf' in value
    const made = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, hoist(part, isSchema)]))
    const { title } = value
    if (!isSchema || typeof title !== 'string' || typeof value.properties === 'string') return made
    const { title: _, description, ...rest } = made
    const named: JsonObject = { ...rest, ...(description === undefined ? {} : { description }) }
    const before = components[title]
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(named))
      throw new Error(`two schemas are called ${title}: ${JSON.stringify(before)} ${JSON.stringify(named)}`)
    components[title] = named
    return { $ref: `#/components/schemas/${title}` }
  }
  const paths = hoist(document.paths ?? {}, false)
  const sorted = Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...document, components: { ...(document.components as JsonObject), schemas: sorted }, paths }
}
