/**
 * Tables of the database as a query builder sees them; migrations/ makes them. Both dialects (SQLite, PostgreSQL) hold them alike: ids are
 * text, times are integers (milliseconds since the epoch), flags are 0 or 1, documents are JSON text.
 */
import type { Generated } from 'kysely'

export interface Tables {
  meta: { key: string; value: string }
  users: {
    id: string
    name: string
    role: string
    password_hash: string
    disabled: number
    created_at: number
    last_login_at: number | null
  }
  /** Browser sessions; the cookie's value is stored as its SHA-256 only. */
  sessions: {
    id_hash: string
    user_id: string
    created_at: number
    last_seen_at: number
    expires_at: number
    address: string
    agent: string
  }
  tokens: {
    id: string
    user_id: string
    name: string
    token_hash: string
    role: string
    created_at: number
    expires_at: number | null
    last_used_at: number | null
    revoked_at: number | null
  }
  audit: {
    id: Generated<number>
    at: number
    actor_kind: string
    actor_id: string
    actor_name: string
    address: string
    action: string
    object_kind: string
    object_id: string
    outcome: string
    details: string
  }
  /**
   * `secret` is encrypted (store/secrets). `fingerprints` is a JSON list. `known_hosts`: fingerprint by `host:port`, as the pool itself told
   * while it was trusted (JSON). `login_refusals`: how often in a row the pool refused the stored password.
   */
  pools: {
    id: string
    name: string
    url: string
    user_name: string
    secret: string
    fingerprints: string
    pool_uuid: string
    enabled: number
    created_at: number
    last_seen_at: number | null
    known_hosts: Generated<string>
    login_refusals: Generated<number>
  }
  /** `spec`: selection, targets and settings. */
  jobs: { id: string; name: string; enabled: number; spec: string; version: number; created_at: number; updated_at: number }
  /** `spec`: timing, retention, settings. `last_tick`: the newest tick that a run was made of; what came after it was missed. */
  schedules: { id: string; job_id: string; position: number; name: string; enabled: number; spec: string; last_tick: number | null }
  runs: {
    id: string
    job_id: string
    job_name: string
    schedule_id: string | null
    schedule_name: string | null
    trigger_spec: string
    state: string
    dry_run: number
    reason: string | null
    queued_at: number
    started_at: number | null
    ended_at: number | null
    totals: string
  }
  /**
   * `detail`: attempts, warnings, disks at the end, error (JSON). `run_queued_at`: the run's, so that the runs of one VM are found in order.
   */
  vm_runs: {
    id: string
    run_id: string
    job_id: string
    schedule_id: string | null
    source_pool: string
    vm_uuid: string
    vm_name: string
    target_pool: string
    target_sr: string
    state: string
    stage: string | null
    run_queued_at: number
    queued_at: number
    started_at: number | null
    ended_at: number | null
    detail: string
    plan: string | null
    report: string | null
  }
  vm_run_logs: { id: Generated<number>; vm_run_id: string; at: number; level: string; text: string }
  /** What each chain achieved: one row a job, VM and target. */
  protections: {
    job_id: string
    source_pool: string
    vm_uuid: string
    vm_name: string
    target_pool: string
    target_sr: string
    state: string
    point_uuid: string | null
    point_taken_at: number | null
    replica_uuid: string | null
    first_seen_at: number
    last_vm_run: string | null
    last_state: string | null
    last_ended_at: number | null
    last_error: string | null
  }
  verifications: {
    id: string
    target_pool: string
    restore_point: string
    mode: string
    started_at: number
    ended_at: number | null
    equal: number | null
    error: string | null
    report: string | null
  }
  /** `detail`: subject, who, stage, result, error (JSON). `request`: what it goes on with when it was interrupted (JSON). */
  activities: {
    id: string
    kind: string
    state: string
    job_id: string | null
    plan_id: string | null
    queued_at: number
    started_at: number | null
    ended_at: number | null
    detail: string
    request: string
    report: string | null
  }
  /** Source VMs that an activity is found by. */
  activity_vms: { activity_id: string; vm_uuid: string }
  activity_lines: { id: Generated<number>; activity_id: string; at: number; level: string; step: string | null; text: string }
  /** Recovery plans; `spec`: all that is in one (JSON). */
  plans: { id: string; name: string; spec: string; version: number; created_at: number; updated_at: number }
  /** By chain: how it stands with test failovers that begin by themselves; `last`: what came of the last one (JSON). */
  health_checks: {
    job_id: string
    source_pool: string
    vm_uuid: string
    target_pool: string
    target_sr: string
    runs_since: number
    begun_at: number | null
    last: string | null
  }
  alerts: {
    id: string
    key: string
    kind: string
    subject: string
    body: string
    hint: string
    job_id: string | null
    vm_uuid: string | null
    pool_id: string | null
    opened_at: number
    closed_at: number | null
  }
  channels: {
    id: string
    kind: string
    name: string
    enabled: number
    spec: string
    secret: string | null
    last_error: string | null
    last_sent_at: number | null
  }
  /** Messages that wait to be sent, or were. */
  outbox: {
    id: Generated<number>
    channel_id: string
    created_at: number
    message: string
    attempts: number
    next_at: number
    sent_at: number | null
    error: string | null
  }
  settings: { key: string; value: string }
  /** Answers to requests with an Idempotency-Key, for a day. */
  idempotency: { key: string; actor: string; request_hash: string; status: number; body: string; created_at: number }
}
