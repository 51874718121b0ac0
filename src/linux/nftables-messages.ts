// The few nf_tables messages that the fence is made of (linux/netfilter/nf_tables.h, nfnetlink.h), as bytes.

import { formatMessage, pad, parseError } from 'netlink/dist/structs.js'
import type { Millis } from '../lib/time.ts'
import { readMessages } from './route-messages.ts'

/** Which packets a table sees: ARP, or IPv4 and IPv6. */
export type TableFamily = 'arp' | 'inet'

/** A change that is part of a transaction: its type, flags and body. */
export interface Change {
  readonly type: number
  readonly flags: number
  readonly family: TableFamily | 'none'
  readonly body: Uint8Array
}

export interface Element {
  readonly key: Uint8Array
  /** It is gone by itself after so long; the kernel's tick (1 to 10 ms) rounds it up. */
  readonly timeout?: Millis
}

/**
 * All of it or nothing: the messages of a transaction, numbered from `first` on, one more than there are changes for its begin. The last change
 * is acknowledged; of any other there is an answer only where it is refused.
 */
export function encodeTransaction(changes: readonly Change[], first: number): Uint8Array {
  const messages = [edge(NFNL_MSG_BATCH_BEGIN), ...changes, edge(NFNL_MSG_BATCH_END)].flatMap((change, i) =>
    pad(
      formatMessage({
        type: change.type,
        flags: NLM_F_REQUEST | change.flags | (i === changes.length ? NLM_F_ACK : 0),
        seq: first + i,
        port: 0,
        data: [header(change), change.body],
      }),
    ),
  )
  return Buffer.concat(messages)
}

/** What the kernel says to one change. */
export interface ChangeAnswer {
  readonly sequence: number
  /** 0: made; else a positive error number. */
  readonly errno: number
}

/** The answers in a datagram; none where it can't be read. */
export function decodeAnswers(datagram: Uint8Array): ChangeAnswer[] {
  const messages = readMessages(datagram)
  if (typeof messages === 'string') return []
  return messages.flatMap(({ type, seq, data }) => {
    const body = Buffer.concat([data].flat())
    if (type !== NLMSG_ERROR || body.length < ERROR_LENGTH) return []
    return [{ sequence: seq, errno: Math.abs(parseError(body, 0).errno) }]
  })
}

export function newTable(family: TableFamily, table: string): Change {
  return change(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, [text(NFTA_TABLE_NAME, table)])
}

/** ENOENT where there is none. */
export function deleteTable(family: TableFamily, table: string): Change {
  return change(NFT_MSG_DELTABLE, 0, family, [text(NFTA_TABLE_NAME, table)])
}

export type Hook = 'arp input' | 'inet prerouting'

/** Its policy is to accept. */
export function newChain(hook: Hook, table: string, chain: string, priority: number): Change {
  const family = hook === 'arp input' ? 'arp' : 'inet'
  const number = hook === 'arp input' ? NF_ARP_IN : NF_INET_PRE_ROUTING
  return change(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, [
    text(NFTA_CHAIN_TABLE, table),
    text(NFTA_CHAIN_NAME, chain),
    nested(NFTA_CHAIN_HOOK, [be32(NFTA_HOOK_HOOKNUM, number), be32(NFTA_HOOK_PRIORITY, priority)]),
    text(NFTA_CHAIN_TYPE, 'filter'),
  ])
}

export function newRule(family: TableFamily, table: string, chain: string, expressions: readonly Uint8Array[]): Change {
  return change(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family, [
    text(NFTA_RULE_TABLE, table),
    text(NFTA_RULE_CHAIN, chain),
    nested(NFTA_RULE_EXPRESSIONS, expressions),
  ])
}

interface SetShape {
  readonly name: string
  readonly key: Type
}

/** Only the program `nft` reads it, when it lists; what it can't tell ends it. */
export type Type = 'ipv4_addr' | 'ipv6_addr' | 'ether_type'
const TYPES = { ipv4_addr: [7, 4], ipv6_addr: [8, 16], ether_type: [10, 2] } as const

/** A set of elements that time out; as it is where it is. `id`: its own among those of the transaction. */
export function newSet(family: TableFamily, table: string, { name, key }: SetShape, id: number): Change {
  const [type, length] = TYPES[key]
  return change(NFT_MSG_NEWSET, NLM_F_CREATE, family, [
    text(NFTA_SET_TABLE, table),
    text(NFTA_SET_NAME, name),
    be32(NFTA_SET_FLAGS, NFT_SET_TIMEOUT),
    be32(NFTA_SET_KEY_TYPE, type),
    be32(NFTA_SET_KEY_LEN, length),
    be32(NFTA_SET_ID, id),
  ])
}

/** Of one that is there the time-out changes, or not: that is up to the kernel's version. */
export function newElements(family: TableFamily, table: string, set: string, elements: readonly Element[]): Change {
  return change(NFT_MSG_NEWSETELEM, NLM_F_CREATE, family, elementList(table, set, elements))
}

/** EEXIST where one is there. */
export function missingElements(family: TableFamily, table: string, set: string, elements: readonly Element[]): Change {
  return change(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, family, elementList(table, set, elements))
}

/** ENOENT where one is not there or has timed out. */
export function deleteElements(family: TableFamily, table: string, set: string, elements: readonly Element[]): Change {
  const keys = elements.map(({ key }) => ({ key }))
  return change(NFT_MSG_DELSETELEM, 0, family, elementList(table, set, keys))
}

// ---- expressions: what a rule does, one after the other; those that do not match end it

/** Where a packet's bytes are counted from. */
export type Base = 'network' | 'transport'

/** Bytes of the packet into a register; a packet that is too short ends the rule. */
export function load(register: Register, base: Base, offset: number, length: number): Uint8Array {
  return expression('payload', [
    be32(NFTA_PAYLOAD_DREG, register),
    be32(NFTA_PAYLOAD_BASE, base === 'network' ? 1 : 2),
    be32(NFTA_PAYLOAD_OFFSET, offset),
    be32(NFTA_PAYLOAD_LEN, length),
  ])
}

/** The packet's Ethernet type (2 bytes), whether it is IPv4 or IPv6 (1 byte), or what follows its IP header (1 byte), into a register. */
export function loadMeta(register: Register, key: keyof typeof META): Uint8Array {
  return expression('meta', [be32(NFTA_META_DREG, register), be32(NFTA_META_KEY, META[key])])
}

const META = { protocol: 1, nfproto: 15, l4proto: 16 } as const

export function equals(register: Register, value: Uint8Array): Uint8Array {
  return expression('cmp', [
    be32(NFTA_CMP_SREG, register),
    be32(NFTA_CMP_OP, 0),
    nested(NFTA_CMP_DATA, [attribute(NFTA_DATA_VALUE, value)]),
  ])
}

export function isIn(register: Register, set: string): Uint8Array {
  return expression('lookup', [text(NFTA_LOOKUP_SET, set), be32(NFTA_LOOKUP_SREG, register)])
}

export function isNotIn(register: Register, set: string): Uint8Array {
  return expression('lookup', [
    text(NFTA_LOOKUP_SET, set),
    be32(NFTA_LOOKUP_SREG, register),
    be32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV),
  ])
}

export function drop(): Uint8Array {
  const verdict = nested(NFTA_DATA_VERDICT, [be32(NFTA_VERDICT_CODE, NF_DROP)])
  return expression('immediate', [be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT), nested(NFTA_IMMEDIATE_DATA, [verdict])])
}

/** 16 bytes each. */
export type Register = 1 | 2

function expression(name: string, data: readonly Uint8Array[]): Uint8Array {
  return nested(NFTA_LIST_ELEM, [text(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, data)])
}

// ---- attributes

function change(type: number, flags: number, family: TableFamily, attributes: readonly Uint8Array[]): Change {
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | type, flags, family, body: Buffer.concat(attributes) }
}

function edge(type: number): Change {
  return { type, flags: 0, family: 'none', body: new Uint8Array() }
}

/** struct nfgenmsg; the resource of a batch's edges is the subsystem it is for. */
function header({ family }: Change): Uint8Array {
  return Uint8Array.of(FAMILY[family], 0, 0, family === 'none' ? NFNL_SUBSYS_NFTABLES : 0)
}

function elementList(table: string, set: string, elements: readonly Element[]): Uint8Array[] {
  return [
    text(NFTA_SET_ELEM_LIST_TABLE, table),
    text(NFTA_SET_ELEM_LIST_SET, set),
    nested(
      NFTA_SET_ELEM_LIST_ELEMENTS,
      elements.map(({ key, timeout }) =>
        nested(NFTA_LIST_ELEM, [
          nested(NFTA_SET_ELEM_KEY, [attribute(NFTA_DATA_VALUE, key)]),
          ...(timeout === undefined ? [] : [be64(NFTA_SET_ELEM_TIMEOUT, Math.ceil(timeout))]),
        ]),
      ),
    ),
  ]
}

function nested(type: number, attributes: readonly Uint8Array[]): Uint8Array {
  return attribute(type | NLA_F_NESTED, Buffer.concat(attributes))
}

function text(type: number, value: string): Uint8Array {
  return attribute(type, Buffer.from(`${value}\0`))
}

/** nf_tables' numbers are big-endian, whatever the machine. */
function be32(type: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return attribute(type, bytes)
}

function be64(type: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return attribute(type, bytes)
}

/** struct nlattr, in this machine's byte order, padded to 4 bytes. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const length = 4 + value.length
  const bytes = new Uint8Array((length + 3) & ~3)
  new Uint16Array(bytes.buffer, 0, 2).set([length, type])
  bytes.set(value, 4)
  return bytes
}

const NLA_F_NESTED = 0x8000
/** struct nlmsgerr */
const [NLMSG_ERROR, ERROR_LENGTH] = [2, 20]
const [NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND] = [0x1, 0x4, 0x200, 0x400, 0x800]
const [NFNL_SUBSYS_NFTABLES, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END] = [10, 0x10, 0x11]
/** NFPROTO_* */
const FAMILY = { none: 0, inet: 1, arp: 3 } as const
const [NF_ARP_IN, NF_INET_PRE_ROUTING] = [0, 0]
const [NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE, NFT_MSG_NEWCHAIN] = [0, 2, 3]
const [NFT_MSG_NEWRULE, NFT_MSG_NEWSET] = [6, 9]
const [NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM] = [12, 14]
const NFTA_TABLE_NAME = 1
const [NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK, NFTA_CHAIN_TYPE] = [1, 3, 4, 7]
const [NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY] = [1, 2]
const [NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS] = [1, 2, 4]
const [NFTA_LIST_ELEM, NFTA_EXPR_NAME, NFTA_EXPR_DATA] = [1, 1, 2]
const [NFTA_SET_TABLE, NFTA_SET_NAME, NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN] = [1, 2, 3, 4, 5]
const [NFTA_SET_ID, NFT_SET_TIMEOUT] = [10, 0x10]
const [NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_ELEMENTS] = [1, 2, 3]
const [NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_TIMEOUT] = [1, 4]
const [NFTA_DATA_VALUE, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE] = [1, 2, 1]
const [NFTA_PAYLOAD_DREG, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN] = [1, 2, 3, 4]
const [NFTA_META_DREG, NFTA_META_KEY] = [1, 2]
const [NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA] = [1, 2, 3]
const [NFTA_LOOKUP_SET, NFTA_LOOKUP_SREG, NFTA_LOOKUP_FLAGS] = [1, 2, 5]
const NFT_LOOKUP_F_INV = 1
const [NFTA_IMMEDIATE_DREG, NFTA_IMMEDIATE_DATA] = [1, 2]
const [NFT_REG_VERDICT, NF_DROP] = [0, 0]
