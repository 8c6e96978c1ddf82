/**
 * Hand-written messages without an Async form: their flags in the data model name the session only (xen-api ocaml/idl/datamodel*.ml,
 * `~flags`). Getters and setters made from fields have none either.
 */
const byClass: Readonly<Record<string, string>> = {
  session: 'local_logout slave_local_login_with_password change_password logout login_with_password',
  task: 'set_error_info set_result set_progress set_status destroy create',
  event: 'inject get_current_id from next',
  pool: `get_guest_secureboot_readiness set_ext_auth_max_threads set_local_auth_max_threads test_archive_target enable_tls_verification
    detect_nonhomogeneous_external_auth external_auth_set_ldaps disable_external_auth enable_external_auth ha_compute_vm_failover_plan
    ha_compute_hypothetical_max_host_failures_to_tolerate ha_compute_max_host_failures_to_tolerate ha_failover_plan_exists
    ha_prevent_restarts_for emergency_reset_master emergency_transition_to_master`,
  VM: `set_platform remove_from_platform add_to_platform set_other_config remove_from_other_config add_to_other_config
    set_HVM_boot_policy set_domain_type set_snapshot_schedule set_protection_policy get_allowed_VIF_devices get_allowed_VBD_devices
    forget_data_source_archives query_data_source record_data_source get_data_sources get_boot_record set_VCPUs_at_startup
    set_VCPUs_max set_HVM_shadow_multiplier set_memory_static_min set_memory_static_max set_memory_dynamic_min
    set_memory_dynamic_max set_ha_always_run set_ha_restart_priority remove_from_NVRAM add_to_NVRAM set_NVRAM`,
  host: `emergency_clear_mandatory_guidance emergency_reenable_tls_verification emergency_disable_tls_verification
    disable_local_storage_caching enable_local_storage_caching reset_cpu_features set_cpu_features apply_edition
    emergency_reset_server_certificate external_auth_set_ldaps disable_external_auth enable_external_auth get_server_localtime
    get_servertime call_extension backup_rrds sync_data set_hostname_live shutdown_agent get_system_status_capabilities
    management_disable local_management_reconfigure forget_data_source_archives query_data_source record_data_source
    get_data_sources emergency_ha_disable list_methods`,
  SR: 'forget_data_source_archives query_data_source record_data_source get_data_sources set_physical_size get_supported_types',
  VDI: 'get_nbd_info set_read_only set_sharable',
  blob: 'destroy create',
  message: 'get_all_records_where get_all_records get_by_uuid get_record get_since get_all get destroy create',
}

export const SYNCHRONOUS: ReadonlySet<string> = new Set(
  Object.entries(byClass).flatMap(([className, messages]) => messages.split(/\s+/).map((message) => `${className}.${message}`)),
)
