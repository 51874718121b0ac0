const RFC_TIMING = 'no equal: three intervals and the skew time, as the RFC has it'
const BUFFERS = 'not needed: what overruns a buffer is read again from the kernel'
const PROCESS = 'no equal: give the agent its scheduling where it is started, in its unit or its pod'
const OWN_TABLE = 'not needed: kube-vrrp has a table of its own in nf_tables'
const STATUS = 'no equal: kube-vrrp status -o json has what the files of keepalived have'
const LVS = 'load balancing (LVS) is not what kube-vrrp does: keep keepalived for it, or use a Service'
const SCRIPTS = 'no equal: run it where the agent is started, in its unit or its pod'
const MAIL = 'no equal: alert on the metrics instead'
const NAMESPACE = 'no equal: start the agent in that network namespace'

/** Why a keyword of keepalived is not carried over, and what to do about it. */
const SENTENCES = new Map(
  Object.entries({
    router_id: "not needed: kube-vrrp goes by the node's name",
    state: 'not needed: the node of the highest priority becomes MASTER',
    native_ipv6: 'not needed: the family follows from the addresses',
    linkbeat_use_polling: 'not needed: links are watched through netlink',
    dynamic_interfaces: 'not needed: a link that is absent is a FAULT until it appears',
    enable_script_security: 'not needed: an exec check runs without a shell, as the user of the agent',
    script_user: 'no equal: checks run as the user of the agent',
    include: 'not followed within a line: put it in a line of its own and import again',
    virtual_server: LVS,
    virtual_server_group: LVS,
    quorum: 'no equal: a process check passes while one of them runs',
    quorum_max: 'no equal: a process check passes while one of them runs',
    param_match: 'no equal: a process check goes by the name alone',
    full_command: 'no equal: a process check goes by the name alone',
    init_file: 'no equal: no file is made; while it is absent nothing is added to the priority',
    auth_hmac:
      'not carried over: write spec.authentication with type HMAC, and put each key into the Secret under the same ID (docs/authentication.md)',
    track_bfd: 'no equal: BFD is not spoken',
    bfd_instance: 'no equal: BFD is not spoken',
    static_ipaddress: 'no equal: give the node this address in its own network configuration',
    static_routes: 'no equal: give the node these routes in its own network configuration',
    static_rules: 'no equal: give the node these rules in its own network configuration',
    virtual_routes: 'no equal yet: no routes come and go with the addresses',
    virtual_rules: 'no equal yet: no rules come and go with the addresses',
    max_ttl: 'no equal: adverts of a peer are believed from however near they come',
    unicast_fault_no_peer: 'not needed: what speaks unicast never falls back to multicast',
    old_unicast_checksum: 'no equal: keepalived 1.3.6 and older is not understood by unicast',
    vrrp_check_unicast_src: 'not needed: by unicast only peers are ever believed',
    mcast_src_ip: "no equal: adverts come from the link's first address",
    use_vmac: "no equal yet: the addresses answer with the link's own MAC address",
    use_ipvlan: "no equal yet: the addresses answer with the link's own MAC address",
    vmac_xmit_base: "no equal yet: the addresses answer with the link's own MAC address",
    no_accept: 'no equal yet: the node accepts traffic to its addresses',
    dont_track_primary: 'no equal: a link that is down is always a FAULT',
    vrrp_strict: 'no equal: the addresses answer, and what version 2 or 3 cannot say is refused anyway',
    vrrp_skip_check_adv_addr: 'not needed: an advert with other addresses is counted, not dropped',
    skip_check_adv_addr: 'not needed: an advert with other addresses is counted, not dropped',
    notify:
      'a setting of the agent, for all VirtualIPs: kube-vrrp agent --notify PROGRAM runs it with the same arguments',
    notify_master:
      'a setting of the agent, for all VirtualIPs: kube-vrrp agent --notify PROGRAM, which gets the state as its third argument',
    notify_backup:
      'a setting of the agent, for all VirtualIPs: kube-vrrp agent --notify PROGRAM, which gets the state as its third argument',
    notify_fault:
      'a setting of the agent, for all VirtualIPs: kube-vrrp agent --notify PROGRAM, which gets the state as its third argument',
    notify_stop:
      'a setting of the agent, for all VirtualIPs: kube-vrrp agent --notify PROGRAM, which gets the state as its third argument',
    smtp_alert: MAIL,
    notification_email: MAIL,
    notification_email_from: MAIL,
    smtp_server: MAIL,
    smtp_connect_timeout: MAIL,
    user: 'no equal: the check runs as the user of the agent',
    init_fail: 'no equal: a check counts after its first runs, by rise and fall',
    lvs_sync_daemon_interface: LVS,
    brd: 'not needed: the node has that of its own address in the subnet',
    broadcast: 'not needed: the node has that of its own address in the subnet',
    peer: 'no equal: the address is no end of a point-to-point link',
    home: 'no equal: a flag of mobile IPv6',
    '-nodad': 'not needed: an address that is taken over is used at once',
    mngtmpaddr: 'no equal: no temporary addresses are made of it',
    noprefixroute: 'not needed: no address brings a route along',
    autojoin: 'no equal: no multicast group is joined for it',
    no_track: 'no equal: an address that somebody deletes is put back',
    vrf: 'no equal: name the link',
    no_virtual_ipaddress:
      'no equal: a virtual router without an address cannot be; give it one of a dummy link and use --notify',
    promote_secondaries: 'no equal: sysctls stay as they are',
    use_vmac_addr: "no equal yet: the addresses answer with the link's own MAC address",
    vmac_prefix: "no equal yet: the addresses answer with the link's own MAC address",
    vmac_addr_prefix: "no equal yet: the addresses answer with the link's own MAC address",
    mcast_dst_ip:
      'no equal: adverts go to 224.0.0.18 and ff02::12; where it is another group, the nodes do not hear each other',
    vrrp_mcast_group4:
      'no equal: adverts go to 224.0.0.18; where it is another group, the nodes do not hear each other',
    vrrp_mcast_group6: 'no equal: adverts go to ff02::12; where it is another group, the nodes do not hear each other',
    strict_mode: 'no equal: the addresses answer, and what version 2 or 3 cannot say is refused anyway',
    owner_ignore_adverts: 'no equal: an owner hears the adverts of another',
    vrrp_owner_ignore_adverts: 'no equal: an owner hears the adverts of another',
    down_timer_adverts: RFC_TIMING,
    vrrp_down_timer_adverts: RFC_TIMING,
    lower_prio_no_advert: 'no equal: an advert of a lower priority is answered at once, RFC 9568 section 6.4.3',
    vrrp_lower_prio_no_advert: 'no equal: an advert of a lower priority is answered at once, RFC 9568 section 6.4.3',
    higher_prio_send_advert: 'not needed: who yields to a higher priority sends a last advert',
    vrrp_higher_prio_send_advert: 'not needed: who yields to a higher priority sends a last advert',
    notify_deleted: 'not needed: what is deleted is told as STOP',
    notify_master_rx_lower_pri: 'no equal: nothing is run when an advert of a lower priority is heard',
    notify_priority_changes: 'no equal: the priority is in the status and the metrics',
    vrrp_notify_priority_changes: 'no equal: the priority is in the status and the metrics',
    kernel_rx_buf_size: BUFFERS,
    vrrp_rx_bufs_policy: BUFFERS,
    vrrp_rx_bufs_multiplier: BUFFERS,
    vrrp_netlink_cmd_rcv_bufs: BUFFERS,
    vrrp_netlink_cmd_rcv_bufs_force: BUFFERS,
    vrrp_netlink_monitor_rcv_bufs: BUFFERS,
    vrrp_netlink_monitor_rcv_bufs_force: BUFFERS,
    process_monitor_rcv_bufs: BUFFERS,
    process_monitor_rcv_bufs_force: BUFFERS,
    debug: 'not needed: kube-vrrp agent --log-level debug',
    delay: 'no equal: give the check rise and fall',
    fork_delay: 'no equal: give the check rise',
    terminate_delay: 'no equal: give the check fall',
    track_group: 'no equal: give the node this in its own network configuration',
    linkbeat_interfaces: 'not needed: links are watched through netlink',
    interface_up_down_delays: 'no equal: a link that is down is a FAULT at once, and none once it is up',
    log_unknown_vrids: 'not needed: the VRIDs that are heard are in the status of the VirtualIPNode',
    vrrp_startup_delay: 'a setting of the agent: kube-vrrp agent --startup-delay',
    vrrp_delay_after_boot: 'a setting of the agent: kube-vrrp agent --delay-after-boot',
    default_interface: 'not needed: it is for static addresses, and each virtual router has its link',
    vrrp_iptables: OWN_TABLE,
    vrrp_ipsets: OWN_TABLE,
    nftables: OWN_TABLE,
    nftables_priority: OWN_TABLE,
    nftables_ifindex: OWN_TABLE,
    nftables_counters: OWN_TABLE,
    disable_local_igmp: 'no equal: sysctls stay as they are',
    vrrp_priority: PROCESS,
    vrrp_rt_priority: PROCESS,
    vrrp_rlimit_rttime: PROCESS,
    vrrp_rlimit_rtime: PROCESS,
    vrrp_no_swap: PROCESS,
    vrrp_cpu_affinity: PROCESS,
    max_auto_priority: PROCESS,
    min_auto_priority_delay: PROCESS,
    set_supplementary_groups: 'no equal: checks run as the user of the agent',
    use_symlink_paths: 'not needed: a command is run by the path that is given',
    startup_script: SCRIPTS,
    startup_script_timeout: SCRIPTS,
    shutdown_script: SCRIPTS,
    shutdown_script_timeout: SCRIPTS,
    smtp_helo_name: MAIL,
    smtp_alert_vrrp: MAIL,
    smtp_alert_checker: MAIL,
    no_email_faults: MAIL,
    json_version: STATUS,
    state_file_location: STATUS,
    data_use_instance: STATUS,
    reload_check_config: 'not needed: a file that is not good is refused, and the last good one stays',
    reload_time_file:
      'not needed: adverts with other addresses are counted, not dropped, so that nodes need not reload at once',
    reload_repeat:
      'not needed: adverts with other addresses are counted, not dropped, so that nodes need not reload at once',
    reload_file: 'not needed: a changed file is taken as soon as it is there',
    config_save_dir: 'no equal: what is imported is the file',
    tmp_config_directory: 'not needed: no copies of the file are made',
    include_check: 'not needed: what is included and not here is told',
    random_seed: 'no equal: there are no random numbers',
    net_namespace: NAMESPACE,
    net_namespace_ipvs: NAMESPACE,
    namespace_with_ipsets: NAMESPACE,
    instance: 'no equal: a node has one agent',
    use_pid_dir: 'not needed: no PID files are written',
    child_wait_time: 'not needed: there are no child processes',
    umask: PROCESS,
    process_names: 'no equal: there is one process',
    SSL: LVS,
    lvs_timeouts: LVS,
    lvs_flush: LVS,
    lvs_flush_on_stop: LVS,
    lvs_sync_daemon: LVS,
    checker_priority: LVS,
    checker_no_swap: LVS,
    checker_rt_priority: LVS,
    bfd_priority: 'no equal: BFD is not spoken',
    bfd_rt_priority: 'no equal: BFD is not spoken',
    bfd_no_swap: 'no equal: BFD is not spoken',
  }),
)

/** What to say of a keyword that is not carried over. */
export function withoutEqual(keyword: string): string {
  if (keyword.startsWith('@')) return 'left out: what is for some nodes only must begin a line'
  if (keyword.startsWith('$'))
    return 'left out: a variable must begin the line that gives it, and be given before it is used'
  if (keyword.startsWith('~')) return 'left out: what is repeated must begin a line'
  if (/garp|gna/.test(keyword)) return 'no equal: kube-vrrp announces addresses by its own timing'
  if (/notify_fifo$/.test(keyword))
    return 'a setting of the agent: kube-vrrp agent --notify-fifo PATH writes the same lines'
  if (/snmp|traps|dbus|fifo/.test(keyword)) return 'no equal: the status, events and metrics say what happens'
  const known = SENTENCES.get(keyword.replace(/^include[a-z]$/, 'include'))
  return known ?? 'not carried over: kube-vrrp has no equal, or does not know it'
}

/** The keywords that it has a sentence for, each of which docs/from-keepalived.md tells of. */
export const KEYWORDS_WITHOUT_EQUAL: readonly string[] = [...SENTENCES.keys()]
