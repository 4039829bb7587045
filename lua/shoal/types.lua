---@meta
--- The types of `require "shoal"` and of handler scripts, for the Lua language server. Nothing here
--- runs.
---
--- Conventions
---   * Run-time errors are returned: `nil, message, code`, a shoal.Code.
---   * Programming errors raise an error that names the option and its value.
---   * Time is in seconds (floats); moments are unix time.
---   * Identities are Lua values that MessagePack can carry.

--- Integers in it are exact: within 2^53 - 1 where numbers are doubles (LuaJIT, 5.1).
---@alias shoal.Identity any  a value MessagePack can carry, at most 512 bytes; stock: { addr=, bump=, name=, meta= }
---@alias shoal.State "alive"|"suspect"|"down"
---@alias shoal.Reason "failed"|"left"|"replaced"  it did not answer; it said goodbye; it is somebody else now, at another address
---@alias shoal.Connection "idle"|"active"|"defunct"
---@alias shoal.Level "error"|"warn"|"info"|"debug"|"trace"
-- table: codes
---@alias shoal.Code "no_memory"|"too_big"|"malformed"|"unsupported"|"from_ourselves"|"indirect_for_ourselves"|"same_identity"|"not_defunct"|"invalid_config"|"reentrant"|"codec"|"no_handler"|"broadcast"|"identity"|"full"|"loses"|"address_in_use"|"not_found"|"not_down"|"not_a_member"|"member_down"|"defunct"|"no_lifeguard"|"not_admitted"|"bind"|"advertise"|"key"|"data_dir"|"user"|"join"|"script"|"loading"|"no_script"|"closed"|"timeout"|"handler"|"arguments"|"failed"|"replaced"|"spawn"|"http"|"io"|"connect"
-- end
-- table: messages
---@alias shoal.Message "ping"|"ack"|"ping_req"|"indirect_ping"|"indirect_ack"|"forwarded_ack"|"announce"|"feed"|"gossip"|"broadcast"|"turn_undead"|"nack"|"refused"|"exchange"
-- end
-- table: drops
---@alias shoal.Drop "malformed"|"too_big"|"unsupported"|"codec"|"from_ourselves"|"indirect_for_ourselves"|"not_for_us"|"down_sender"|"replaced"|"stranger"|"full"|"identity"|"no_handler"|"broadcast"|"backlog_full"|"repeated"|"tags"|"tags_malformed"|"tags_stale"|"tags_vetoed"|"tags_memory"|"tags_unfinished"|"tags_rate"|"topics"|"not_admitted"|"newcomers"|"announces"|"renewals"|"no_memory"|"foreign_cluster"|"not_allowed"|"foreign_key"|"unauthentic"|"replayed"|"unproven"|"truncated"|"unresolved"
-- end
-- table: events
---@alias shoal.Event
---| "member_up" # (node, member): a member joined or came back
---| "member_down" # (node, member): a member is down; `reason` says why
---| "rename" # (node, before, after): the member at this address has a new identity; `before` is the old one
---| "active" # (node): the first other member is up
---| "idle" # (node): the last other member is down
---| "defunct" # (node): we left, or were declared down and could neither refute nor renew
---| "rejoin" # (node, id): we took this new identity, because another member claimed our address or we could not refute
---| "suspect" # (node, member), a diagnostic: a member is suspected
---| "refuted" # (node, member), a diagnostic: a suspicion of this member, or of us, was refuted
---| "conflict" # (node, member), a diagnostic: this identity claims our address
---| "probe_started" # (node, member), a diagnostic: a member is probed
---| "probe_failed" # (node, member), a diagnostic: a member answered neither us nor the members we asked to ping it
---| "packet_received" # (node, packet), a diagnostic: a packet was accepted
---| "packet_sent" # (node, packet), a diagnostic: a packet was sent
---| "member_forgotten" # (node, member): a down member was forgotten
---| "returned" # (node, id): we were declared down and have refuted it; our identity is unchanged
---| "full" # (node, member), a diagnostic: there is no room for this member: `max_members` is reached
---| "refused" # (node, member), a diagnostic: a member has no room for us
---| "item_dropped" # (node, item), a diagnostic: a queued broadcast was dropped: `too_big` (it no longer fits into a packet) or `backlog_full` (`max_broadcasts` newer ones are queued)
---| "view" # (node, view): members joined, left or changed, or our own tags did, and nothing has changed since for `view_quiet`
---| "stable" # (node): nothing has changed for `stable_after`
---| "tags" # (node, member, changed): what a member says of itself has changed
---| "published" # (node, topic, data, from, number): a member published something on a topic
---| "missed" # (node, topic, from, first, last): messages of a member's topic did not arrive, and nobody has them any more; or the member was started again, and some may have been lost
---| "message" # (node, data, from): a member has sent us a message
---| "message_acknowledged" # (node, member, ticket, code), a diagnostic: a message of ours has arrived
---| "message_failed" # (node, member, ticket, code), a diagnostic: a message of ours was not acknowledged before its receiver went down, or we left
---| "tags_ignored" # (node, member, tags), a diagnostic: a version of this member's tags was ignored, or not passed on; `reason` is that of the counter
---| "turned_away" # (node, member, reason), a diagnostic: somebody was not let in, or not answered: `not_admitted`, `newcomers`, `announces` or `renewals`, as the counters say
-- end

---@class shoal.Member
---@field id shoal.Identity
---@field addr string        its cluster-unique address
---@field state shoal.State
---@field incarnation integer
---@field since number       unix seconds at which this node saw it enter the state
---@field reason? shoal.Reason  why it is down; nil if it is not
---@field rtt? number            round-trip time in seconds, smoothed; nil while it is unknown
---@field tags? table<string, any>  what it says of itself; nil while nothing is known, and of a down member

---@class shoal.Periodic
---@field every number    seconds; 0: never, the same as false instead of the table
---@field members integer how many random members each time

---@alias shoal.Preset "lan"|"wan"|"simple"|"loopback"

-- table: config
---@class shoal.Config
---@field preset? shoal.Preset   the base of the other fields ("lan")
---@field probe_period? number  seconds: one member is probed in each period (SWIM's T')
---@field probe_rtt? number  seconds: how long to wait for an ack before other members are asked to ping the target; shorter than `probe_period`
---@field num_indirect_probes? integer  how many members are asked for an indirect probe, and how many each gossip goes to (SWIM's k)
---@field suspect_to_down_after? number  seconds: how long a suspect has to refute a suspicion that other members have confirmed
---@field remove_down_after? number  seconds: how long a down member is remembered. Unless it left, it is asked during that time whether it is back
---@field notify_down_members? boolean  reply to a down member that it is down, so that it can refute that. If false, down is final
---@field max_transmissions? integer  how many times each member passes on a suspicion or a refutation
---@field news_transmissions? integer  the same for members that leave or fail, and for broadcasts. Raise it on a lossy network. 0: use `max_transmissions`. Members that join are found by comparing; without `compare_members`, it is for them, too
---@field gossip? shoal.Periodic|false  send queued updates and broadcasts to random members
---@field announce? shoal.Periodic|false  ask random members which members they know. Not sent where members are compared (`compare_members`)
---@field announce_to_down? shoal.Periodic|false  ask down members whether they are back; this heals a split cluster
---@field compare_members? boolean  add a digest of what the sender knows to each ping. Two members that differ exchange what is missing
---@field check_strangers? boolean  an unknown sender becomes a member only when it has shown that it receives what is sent to its address. Until then it gets at most three bytes for each of its own
---@field newcomers_per_minute? integer  how many new members one host (an IP address) may bring, all at once or one after the other. Further ones have to wait. 0: any number
---@field announces_per_minute? integer  how often one host may ask for all members. 0: any number
---@field renewals_per_minute? integer  how often the identity at one address may be replaced by a newer one. Further ones have to wait. 0: any number
---@field view_quiet? number  seconds: `on_view` is called when nothing has changed for this long, and at the latest after five times as long
---@field stable_after? number  seconds: `on_stable` is called when nothing has changed for this long
---@field max_packet_size? integer  bytes of the largest packet, sent or received. The member's own identity must fit into it three times
---@field max_tags_size? integer  bytes of a member's own tags, as MessagePack. Other members fetch what does not fit into a packet in parts
---@field max_tags_memory? integer  bytes of the tags of all members that one engine keeps. Tags beyond it are ignored
---@field max_topics_memory? integer  bytes of what was published lately and is kept for members that missed it
---@field max_members? integer  known members, including down ones. A new member replaces the one that has been down longest. If all are up, the new member is refused and notified
---@field max_broadcasts? integer  queued broadcasts. When the queue is full, the broadcast that was sent most often is dropped (the oldest of several)
---@field max_local_health? integer  a member whose own probes fail, or that has to refute a suspicion, multiplies its `probe_period` and `probe_rtt` by at most 1 + this value (Lifeguard 4.A). 0: never
---@field suspicion_confirmations? integer  how many other members must confirm a suspicion before it lasts only `suspect_to_down_after`. With fewer confirmations it lasts longer (Lifeguard 4.B). Without any, a member that was itself suspected in the meantime lets its suspicion begin anew, up to three times: its own packets may be lost. 0: it never lasts longer
---@field suspicion_max_factor? integer  how many times longer an unconfirmed suspicion lasts, at most
---@field tell_suspects? boolean  notify a suspect in the ping that probes it (Lifeguard 4.C)
---@field second_look? boolean  probe a member a second time before it is suspected, unless no member that was asked for an indirect probe can reach it
---@field cluster_size? integer  the number of members that the preset was scaled for. A larger cluster gets the transmissions and suspicions that the preset has for its real size. 0: it does not
-- end

-- ---- The handler script ------------------------------------------------

---@class shoal.IdentityOptions
---@field bind string        "host:port" the socket is bound to, port filled in
---@field advertise? string  "host:port" at which other members reach this node; nil if bind is a wildcard and nothing was given
---@field name? string
---@field cluster? string
---@field meta? table
---@field args table         what the program gives to its script (`args` of shoal.start, `-- ARG...` of shoal run)

---@class shoal.IdentityHandlers
---@field new? fun(opts: shoal.IdentityOptions): shoal.Identity
---@field addr? fun(id: shoal.Identity): string
---@field endpoint? fun(id: shoal.Identity): string
---@field at? fun(endpoint: string): shoal.Identity
---@field renew? fun(id: shoal.Identity, adversary: shoal.Identity?): shoal.Identity?  returns an identity that wins against both. adversary claims our address and wins against ours; nil if we were declared down
---@field wins? fun(id: shoal.Identity, adversary: shoal.Identity): boolean

---@class shoal.BroadcastHandlers
---@field receive fun(node: shoal.Node, data: string, sender: shoal.Identity?): any  its key if it is new, otherwise nil
---@field invalidates? fun(key: any, other: any): boolean?
---@field wanted_by? fun(node: shoal.Node, member: shoal.Member): boolean?

---@class shoal.Previous
---@field generation integer
---@field hash? string
---@field reason string  why this version was loaded: "changed", "signal", "asked", "set_handlers"

-- table: handlers
---@class shoal.Handlers
---@field identity? shoal.IdentityHandlers
---@field broadcast? shoal.BroadcastHandlers
---@field codec? shoal.CodecHandlers
---@field on_ask? table<string, fun(node: shoal.Node, data: any, from: shoal.Member): any>  of ask
---@field tags? table<string, any>|fun(opts: shoal.IdentityOptions): table<string, any>?  what this node says of itself
---@field check_tags? fun(member: shoal.Member, tags: table<string, any>): boolean?  false: this version is ignored
---@field admit? fun(node: shoal.Node, identity: any, endpoint: string): boolean  may this new identity be a member?
---@field persist? boolean  true: the store is remembered on disk
---@field rename_as_down_up? boolean  true: a rename is also a member that went (`reason` is "replaced") and one that came
---@field on_start? fun(node: shoal.Node)  the node is live
---@field on_member_up? fun(node: shoal.Node, member: shoal.Member)  a member joined or came back
---@field on_member_down? fun(node: shoal.Node, member: shoal.Member)  a member is down; `reason` says why
---@field on_rename? fun(node: shoal.Node, before: shoal.Former, after: shoal.Member)  the member at this address has a new identity; `before` is the old one
---@field on_active? fun(node: shoal.Node)  the first other member is up
---@field on_idle? fun(node: shoal.Node)  the last other member is down
---@field on_defunct? fun(node: shoal.Node)  we left, or were declared down and could neither refute nor renew
---@field on_rejoin? fun(node: shoal.Node, id: shoal.Identity)  we took this new identity, because another member claimed our address or we could not refute
---@field on_member_forgotten? fun(node: shoal.Node, member: shoal.Member)  a down member was forgotten
---@field on_returned? fun(node: shoal.Node, id: shoal.Identity)  we were declared down and have refuted it; our identity is unchanged
---@field on_view? fun(node: shoal.Node, view: shoal.View)  members joined, left or changed, or our own tags did, and nothing has changed since for `view_quiet`
---@field on_stable? fun(node: shoal.Node)  nothing has changed for `stable_after`
---@field on_tags? fun(node: shoal.Node, member: shoal.Member, changed: table<string, { before: any, after: any }>)  what a member says of itself has changed
---@field on_published? fun(node: shoal.Node, topic: string, data: any, from: shoal.Member, number: integer)  a member published something on a topic
---@field on_missed? fun(node: shoal.Node, topic: string, from: shoal.Member, first: integer, last?: integer)  messages of a member's topic did not arrive, and nobody has them any more; or the member was started again, and some may have been lost
---@field on_message? fun(node: shoal.Node, data: any, from: shoal.Member)  a member has sent us a message
---@field topics? table<string, fun(node: shoal.Node, data: any, from: shoal.Member, number: integer)>  what is published on these topics
---@field commands? table<string, shoal.Command>  what `shoal call` and node:call run
---@field http? table<string, fun(node: shoal.Node, request: shoal.PageRequest): integer, any, table<string, string>?>  pages of `shoal run --http`, by path
---@field on_reload? fun(node: shoal.Node, previous: shoal.Previous)  we are the new version
---@field on_stop? fun(node: shoal.Node)  the node is about to close
-- end

-- ---- The node ----------------------------------------------------------

---@class shoal.Timer
local Timer = {}

--- Cancels it. Returns true, or false if it had ended already. May be called from its own function.
---@return boolean
function Timer:cancel() end

--- This process's member of the cluster. The program that started it and its handlers get the same
--- object. Methods marked (sends) raise an error while a version of the script is being loaded,
--- including in its on_reload (call them in `after(0, fn)` or `go(fn)` there). On a closed node, every
--- method except `close` and `is_closed` raises "node is closed".
---@class shoal.Node
---@field args table   what the program gives to its script; a new copy each time
---@field store table  a table for the script that lives as long as the node; copied by value when the script is reloaded. In a program whose handlers are a script: a copy of it, which must not be written to
local Node = {}

---@return shoal.Identity
function Node:identity() end
--- The bound address, such as "127.0.0.1:7946".
---@return string
function Node:bound() end
---@return shoal.Connection
function Node:connection() end
--- Returns a new list each time.
---@param options? shoal.MembersOptions
---@return shoal.Member[]
function Node:members(options) end
---@param addr string
---@return shoal.Member?
function Node:member(addr) end
--- Every known member, including down ones, in the form that `apply` accepts.
---@return shoal.Member[]
function Node:state() end
--- The number of active members, without this one.
---@return integer
function Node:num_members() end
--- A number that grows whenever `members`, `size`, `rank` or `owner` may have another answer: a
--- member joined, left, has another identity or other tags, or became suspect or alive again; or this
--- node did. It means nothing to other members.
---@return integer
function Node:view() end
--- The number of living members (alive or suspect), including this one. Costs nothing without
--- `where`.
---@param options? shoal.LivingOptions
---@return integer
function Node:size(options) end
--- This node's position among the living members, ordered by address (its bytes), from 1 to
--- `size`; nil if it is defunct, or if `where` does not hold for it.
---@param options? shoal.LivingOptions
---@return integer?
function Node:rank(options) end
--- The living member that owns the key, by rendezvous hashing: the same on every member that knows
--- the same members. The second value says whether it is this node. With `n`: a list, and whether
--- this node is in it. nil, or an empty list: there is none.
---@param key string
---@param options? shoal.OwnerOptions
---@return shoal.Member|shoal.Member[]|nil owner, boolean mine
function Node:owner(key, options) end
--- Joins through the member at "host:port", and keeps the endpoint as a seed that is asked again. A
--- name is resolved without blocking; if it does not resolve, that is logged and tried again. Code:
--- "join" (not an endpoint, or the socket cannot send to it). (sends)
---@param endpoint string
---@return true?, string? message, shoal.Code? code
function Node:announce(endpoint) end
--- `announce` to each. (sends)
---@param endpoints string[]
---@return true?, string? message, shoal.Code? code
function Node:join(endpoints) end
--- Sends everything that is queued to a few random members now. (sends)
---@return true?, string? message, shoal.Code? code
function Node:gossip() end
--- Sends queued broadcasts, and nothing else, now. (sends)
---@return true?, string? message, shoal.Code? code
function Node:broadcast() end
--- Passes data to this node's `broadcast.receive`. Returns true if it accepted the data (which is
--- then queued), otherwise false. (sends)
---@param data string
---@return boolean?, string? message, shoal.Code? code
function Node:add_broadcast(data) end

--- Publishes `data` (a value that MessagePack carries, at most 65,536 bytes as such) on a topic of 1
--- to 64 bytes. Each member, this one included, gets it once and in order, or is told by `on_missed`
--- that it missed it. Returns its number, which grows; a message that needs several packets takes
--- several numbers, and has the last. code: "full": too much waits to be sent, nothing was published;
--- "too_big", "no_lifeguard", "unsupported" (`compare_members` is off), "defunct". (sends)
---@param topic string
---@param data any
---@return integer? number, string? message, shoal.Code? code
function Node:publish(topic, data) end

--- Calls `fn` for what is published on the topic from now on, in this version of the handlers.
---@param topic string
---@param fn fun(node: shoal.Node, data: any, from: shoal.Member, number: integer)
function Node:subscribe(topic, fn) end

--- Whether it had been subscribed.
---@param topic string
---@param fn function
---@return boolean
function Node:unsubscribe(topic, fn) end
--- Changes this node's tags, which all members learn: names of 1 to 64 bytes, values that MessagePack
--- carries. `shoal.none` deletes one; the others stay. Changes within 0.2 s are sent as one. code:
--- "too_big", if all of them do not fit into `max_tags_size`; "no_lifeguard", if the codec does not
--- carry them. (sends)
---@param changes table<string, any>
---@return true?, string? message, shoal.Code? code
function Node:set_tags(changes) end
--- This node's tags, a new table.
---@return table<string, any>
function Node:tags() end
--- Sends a message to one active member, whose `on_message` gets it. It is repeated until it has
--- arrived or the member is down; `fn` is called then. Codes: "not_a_member", "too_big" (the message
--- says how many bytes fit), "full" (too many are under way), "defunct", "no_lifeguard". (sends)
---@param member shoal.Member|any  a member, its address, or a name that only one has
---@param data any  a value that MessagePack can carry
---@param fn? fun(node: shoal.Node, ok: boolean, message?: string, code?: shoal.Code)
---@return true?, string? message, shoal.Code? code
function Node:send(member, data, fn) end
--- Asks all active members, this node included, or some of them, a question, which their `on_ask`
--- answers. `fn` is called once: when each has answered or is down, or after `timeout` seconds (5).
--- In a coroutine, without `fn`, it waits until then and returns the answers and who is missing.
--- Codes: "too_big" (the question), "full" (64 are under way), "not_a_member" (in `members`),
--- "defunct", "no_lifeguard". (sends)
---@param name string  1 to 64 bytes
---@param data any
---@param options? shoal.AskOptions  may be left out
---@param fn? fun(node: shoal.Node, answers: shoal.Answer[], missing: shoal.Member[])
---@return true|shoal.Answer[]|nil, string|shoal.Member[]|nil, shoal.Code? code
function Node:ask(name, data, options, fn) end
--- Notifies some members, and seeds that have not answered yet, that this node leaves. The node is
--- defunct then. (sends)
---@return true?, string? message, shoal.Code? code
function Node:leave() end
--- Forgets a member that is down, before `remove_down_after` does. Codes: "not_found", "not_down".
--- (sends)
---@param addr any  its address
---@return true?, string? message, shoal.Code? code
function Node:forget(addr) end
--- Applies updates as if a packet had brought them. Stops at the first one that is refused: the
--- message says which one, and `applied` is the number of updates before it. (sends)
---@param states shoal.Claim[]
---@param options? { broadcast: boolean }  gossip what changes? default false
---@return true?, string? message, shoal.Code? code, integer? applied
function Node:apply(states, options) end
--- Takes another identity. Codes: "loses" (it has this node's address, or that of a known member,
--- and does not win against the identity there), "address_in_use" (a living member has its
--- address), "same_identity", "identity", "too_big". (sends)
---@param id shoal.Identity
---@return true?, string? message, shoal.Code? code
function Node:change_identity(id) end
--- (sends)
---@return true?, string? message, shoal.Code? code
function Node:reuse_down_identity() end
--- Inside a coroutine: yields until `condition(node)` is true (any value but false and nil), and
--- returns that value. The condition is checked after events, packets and timers. Returns `nil,
--- message, "timeout"` after `timeout` seconds (default: no limit), `nil, message, "closed"` if the
--- node closes, and `nil, message, "handler"` if the condition raises an error. A coroutine of
--- `node:go`, a command or a page is not resumed any more when the node closes.
---@param condition fun(node: shoal.Node): any
---@param timeout? number
---@return any, string? message, shoal.Code? code
function Node:wait(condition, timeout) end
--- Changes these fields of the current config. (sends)
---@param config shoal.Config
---@return true?, string? message, shoal.Code? code
function Node:set_config(config) end
---@return shoal.Config
function Node:config() end
---@return shoal.Stats
function Node:stats() end
---@return { updates: integer, broadcasts: integer }
function Node:backlog() end
--- What `shoal info --json` prints, without `control`, which `shoal run` adds.
---@return shoal.Info
function Node:info() end
--- Seconds of a clock that is never set back, with fractions: for measuring. Where it begins means
--- nothing. The virtual clock in a simulation.
---@return number seconds
function Node:now() end
--- Unix time with fractions. In a simulation the virtual clock's, as `os.time` in a script.
---@return number seconds
function Node:time() end
--- Calls `fn(node)` once. The timer belongs to the version of the handlers that set it, and ends
--- with it.
---@param seconds number
---@param fn fun(node: shoal.Node)
---@return shoal.Timer
function Node:after(seconds, fn) end
---@param seconds number
---@param fn fun(node: shoal.Node)
---@return shoal.Timer
function Node:every(seconds, fn) end
--- Writes a log line of area "script".
---@param level shoal.Level
---@param text string
---@param fields? table<string, string|number|boolean>
function Node:log(level, text, fields) end
--- The levels of the log, such as "info,engine=trace"; they are changed first if `levels` is given.
---@param levels? string
---@return string
function Node:log_levels(levels) end
--- Calls `fn` with the arguments of the handler of that name, after the handler. For "*": `fn(node,
--- event, ...)` for each event but diagnostics, `view` and `stable`.
---@param event shoal.Event|"*"
---@param fn function
function Node:on(event, fn) end
--- Returns true if `fn` was subscribed.
---@param event shoal.Event|"*"
---@param fn function
---@return boolean
function Node:off(event, fn) end
--- Reloads the script. Returns true if the new version has taken over, or `true, "unchanged"` if
--- nothing has changed. Called from a handler, or by the script itself, the reload happens after
--- the handler (`true, "deferred"`), and its outcome is logged. On failure the old version keeps
--- running: `nil, message, code`, where code is "script" (also in info().script.last_error),
--- "loading" (another version is being loaded), "reentrant" (called from an identity, broadcast or
--- codec function) or "no_script" (the handlers do not come from a file).
---@param reason? string  for the log and on_reload ("asked")
---@return true?, string? message, shoal.Code? code
function Node:reload(reason) end
--- Checks the new handlers and replaces the old ones at once. Timers, waits and subscriptions of
--- the old ones end, the store stays, and `on_reload` is called. Only for handlers that do not come
--- from a file. `nil, message, code`: "script" (on_reload failed, or the new handlers do not
--- recognise the running identity), "reentrant", "closed". (sends)
---@param handlers shoal.Handlers
---@return true?, string? message, shoal.Code? code
function Node:set_handlers(handlers) end
--- Calls `on_stop`, sends what is queued, and closes the socket. It does not leave the cluster:
--- call `leave` first. Called from a handler, or while a method of the node runs (in the condition
--- of a wait, in a finalizer), it takes effect afterwards (`true, "deferred"`). (sends)
---@return true?, string? message, shoal.Code? code
function Node:close() end
---@return boolean
function Node:is_closed() end
--- Runs the loop once, for every node of the program, and waits at most `timeout` seconds (0). Not
--- allowed inside handlers.
---@param timeout? number
function Node:step(timeout) end

--- For another event loop: call `step()` when `fd()` is readable or after `timeout()` seconds,
--- whichever is first; then call `timeout()` again.
---@return integer descriptor  the node's socket: do not read it, do not close it
function Node:fd() end
--- Any other call on the node may change it.
---@return number seconds  0 to 1
function Node:timeout() end
--- The same as `fd`. With `events` and `timeout`, it makes a node pollable for cqueues.poll().
---@return integer descriptor
function Node:pollfd() end
---@return string "r"
function Node:events() end

-- ---- The module --------------------------------------------------------

local shoal = {}
shoal._VERSION = ""

--- Starts a node and calls `on_start`. Codes: the engine's, and "script" (the script or module of
--- handlers does not load), "bind", "advertise", "join" (not an address).
---@param options? shoal.StartOptions
---@return shoal.Node?, string? message, shoal.Code? code
function shoal.start(options) end
--- Runs the loop until `shoal.stop()` is called or no node is left.
function shoal.run() end
function shoal.stop() end
--- One turn of the loop, waiting at most `timeout` seconds (0).
---@param timeout? number
function shoal.step(timeout) end
--- Returns the handler table of a file, which is run in a new environment with its own module
--- cache.
---@param path string
---@return shoal.Handlers?, string? message, shoal.Code? code
function shoal.load(path) end

---@class shoal.CheckReport
---@field path string
---@field hash string
---@field files string[]
---@field handlers string[]  the fields it defines: "broadcast.receive", "on_start", ...
---@field tags_size integer  bytes of its `tags`, which `max_tags_size` must allow. 0: none, or a function

--- Checks that a script loads, in a Lua state of its own that is closed afterwards. A file that does
--- not return within `limit` seconds (30) fails.
---@param path string
---@param limit? number
---@return shoal.CheckReport?, string? message, shoal.Code? code
function shoal.check(path, limit) end

return shoal
