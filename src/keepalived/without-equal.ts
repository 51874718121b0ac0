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
    virtual_server: 'load balancing (LVS) is not what kube-vrrp does: keep keepalived for it, or use a Service',
    virtual_server_group: 'load balancing (LVS) is not what kube-vrrp does: keep keepalived for it, or use a Service',
    vrrp_sync_group: 'no equal yet: its virtual routers change state each for itself',
    quorum: 'no equal: a process check passes while one of them runs',
    quorum_max: 'no equal: a process check passes while one of them runs',
    param_match: 'no equal: a process check goes by the name alone',
    full_command: 'no equal: a process check goes by the name alone',
    init_file: 'no equal: no file is made; while it is absent nothing is added to the priority',
    track_bfd: 'no equal: BFD is not spoken',
    bfd_instance: 'no equal: BFD is not spoken',
    static_ipaddress: 'no equal: give the node this address in its own network configuration',
    static_routes: 'no equal: give the node these routes in its own network configuration',
    static_rules: 'no equal: give the node these rules in its own network configuration',
    virtual_ipaddress_excluded: 'no equal yet: put these addresses into a VirtualIP of their own',
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
    smtp_alert: 'no equal: alert on the metrics instead',
    notification_email: 'no equal: alert on the metrics instead',
    notification_email_from: 'no equal: alert on the metrics instead',
    smtp_server: 'no equal: alert on the metrics instead',
    smtp_connect_timeout: 'no equal: alert on the metrics instead',
    user: 'no equal: the check runs as the user of the agent',
    init_fail: 'no equal: a check counts after its first runs, by rise and fall',
    lvs_sync_daemon_interface: 'load balancing (LVS) is not what kube-vrrp does',
    label: 'no equal yet: the address gets no label',
    scope: 'no equal yet: the address gets the scope that the kernel gives it',
    brd: 'no equal yet: the address gets no broadcast address of its own',
    broadcast: 'no equal yet: the address gets no broadcast address of its own',
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
